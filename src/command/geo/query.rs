//! What a search is for, in the words of GEOSEARCH and of the older GEORADIUS.
//!
//! ```text
//!   GEORADIUS            longitude latitude radius unit   options, STORE key | STOREDIST key
//!   GEORADIUSBYMEMBER    member radius unit               options, STORE key | STOREDIST key
//!   GEOSEARCH            options, among them where and how far
//!   GEOSEARCHSTORE       options, among them where and how far, STOREDIST
//! ```

use super::places::{place, point, unit};
use crate::command::args::Args;
use crate::command::error::Error;
use crate::command::sorted_sets::parse_score;
use crate::data::geo::{Area, Point, Shape, Unit};
use crate::data::zset::ZSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Radius,
    RadiusByMember,
    Search,
    SearchStore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Nearest,
    Farthest,
}

pub(super) struct Query<'a> {
    centre: Centre,
    shape: Option<Shape>,
    pub unit: Unit,
    pub with_distance: bool,
    pub with_score: bool,
    pub with_point: bool,
    pub order: Option<Order>,
    pub count: Option<usize>,
    /// Any places will do, not the nearest ones.
    pub any: bool,
    /// The key that the older commands are to store in.
    pub store: Option<&'a [u8]>,
    pub store_distance: bool,
}

#[derive(Clone, Copy)]
enum Centre {
    Missing,
    /// A member of no sorted set: there is nothing to search.
    Nowhere,
    Member(Point),
    Point(Point),
}

impl<'a> Query<'a> {
    /// `zset` is what will be searched, where there is such a key. `stores` is whether a key may be named to store in.
    pub fn parse(
        args: &mut Args<'a>,
        form: Form,
        zset: Option<&ZSet>,
        stores: bool,
    ) -> Result<Query<'a>, Error> {
        let mut query = Query::new();
        match form {
            Form::Radius => {
                query.centre = Centre::Point(point(args)?);
                query.take_radius(args)?;
            }
            Form::RadiusByMember if zset.is_none() => {
                query.centre = Centre::Nowhere;
                (0..3).for_each(|_| _ = args.next());
            }
            Form::RadiusByMember => {
                query.take_member(args, zset)?;
                query.take_radius(args)?;
            }
            Form::Search | Form::SearchStore => {}
        }
        while !args.is_done() {
            if !query.take_option(args)? {
                match form {
                    Form::Radius | Form::RadiusByMember if stores => query.take_store(args)?,
                    Form::Radius | Form::RadiusByMember => return Err(Error::SYNTAX),
                    Form::Search | Form::SearchStore => query.take_area(args, form, zset)?,
                }
            }
        }
        query.check(args, form)?;
        Ok(query)
    }

    fn new() -> Query<'a> {
        Query {
            centre: Centre::Missing,
            shape: None,
            unit: Unit::Metre,
            with_distance: false,
            with_score: false,
            with_point: false,
            order: None,
            count: None,
            any: false,
            store: None,
            store_distance: false,
        }
    }

    /// Where to search; `None` where there is nothing to search in.
    pub fn area(&self) -> Option<Area> {
        match self.centre {
            Centre::Member(centre) | Centre::Point(centre) => Some(Area { centre, shape: self.shape? }),
            Centre::Missing | Centre::Nowhere => None,
        }
    }

    /// What all forms have. `false`: the next word is none of it.
    fn take_option(&mut self, args: &mut Args<'a>) -> Result<bool, Error> {
        if args.keyword("WITHDIST") {
            self.with_distance = true;
        } else if args.keyword("WITHHASH") {
            self.with_score = true;
        } else if args.keyword("WITHCOORD") {
            self.with_point = true;
        } else if args.keyword("ANY") {
            self.any = true;
        } else if args.keyword("ASC") {
            self.order = Some(Order::Nearest);
        } else if args.keyword("DESC") {
            self.order = Some(Order::Farthest);
        } else if args.left() > 1 && args.keyword("COUNT") {
            let count = args.int();
            args.check()?;
            if count <= 0 {
                return Err(Error::fixed("ERR COUNT must be > 0"));
            }
            self.count = Some(count as usize);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn take_store(&mut self, args: &mut Args<'a>) -> Result<(), Error> {
        for (word, distance) in [("STORE", false), ("STOREDIST", true)] {
            if let Some(key) = args.keyword_and_value(word) {
                (self.store, self.store_distance) = (Some(key), distance);
                return Ok(());
            }
        }
        Err(Error::SYNTAX)
    }

    fn take_area(&mut self, args: &mut Args<'a>, form: Form, zset: Option<&ZSet>) -> Result<(), Error> {
        let from_point = matches!(self.centre, Centre::Point(_));
        let from_member = matches!(self.centre, Centre::Member(_) | Centre::Nowhere);
        let (is_circle, is_box) = match self.shape {
            Some(Shape::Circle { .. }) => (true, false),
            Some(Shape::Box { .. }) => (false, true),
            None => (false, false),
        };
        if args.left() > 1 && !from_point && args.keyword("FROMMEMBER") {
            return self.take_member(args, zset);
        }
        if args.left() > 2 && !from_member && args.keyword("FROMLONLAT") {
            self.centre = Centre::Point(point(args)?);
            return Ok(());
        }
        if args.left() > 2 && !is_box && args.keyword("BYRADIUS") {
            return self.take_radius(args);
        }
        if args.left() > 3 && !is_circle && args.keyword("BYBOX") {
            return self.take_box(args);
        }
        if form == Form::SearchStore && args.keyword("STOREDIST") {
            self.store_distance = true;
            return Ok(());
        }
        Err(Error::SYNTAX)
    }

    fn take_member(&mut self, args: &mut Args, zset: Option<&ZSet>) -> Result<(), Error> {
        let member = args.next();
        self.centre = match zset {
            Some(_) => Centre::Member(
                place(zset, member).ok_or(Error::fixed("ERR could not decode requested zset member"))?,
            ),
            None => Centre::Nowhere,
        };
        Ok(())
    }

    fn take_radius(&mut self, args: &mut Args) -> Result<(), Error> {
        let radius = number(args, "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(Error::fixed("ERR radius cannot be negative"));
        }
        self.unit = unit(args)?;
        self.shape = Some(Shape::Circle { radius_m: radius * self.unit.metres() });
        Ok(())
    }

    fn take_box(&mut self, args: &mut Args) -> Result<(), Error> {
        let width = number(args, "ERR need numeric width")?;
        let height = number(args, "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(Error::fixed("ERR height or width cannot be negative"));
        }
        self.unit = unit(args)?;
        let metres = self.unit.metres();
        self.shape = Some(Shape::Box { width_m: width * metres, height_m: height * metres });
        Ok(())
    }

    fn check(&mut self, args: &mut Args, form: Form) -> Result<(), Error> {
        let stores = form == Form::SearchStore || self.store.is_some();
        if stores && (self.with_distance || self.with_score || self.with_point) {
            let who = if form == Form::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::new(format!(
                "ERR {who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let name = || String::from_utf8_lossy(args.words().get(0)).into_owned();
        if matches!(self.centre, Centre::Missing) {
            return Err(Error::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}",
                name()
            )));
        }
        if self.shape.is_none() && matches!(form, Form::Search | Form::SearchStore) {
            return Err(Error::new(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {}",
                name()
            )));
        }
        if self.any && self.count.is_none() {
            return Err(Error::fixed("ERR the ANY argument requires COUNT argument"));
        }
        if self.count.is_some() && !self.any {
            self.order.get_or_insert(Order::Nearest);
        }
        Ok(())
    }
}

fn number(args: &mut Args, error: &'static str) -> Result<f64, Error> {
    parse_score(args.next()).ok_or(Error::fixed(error))
}
