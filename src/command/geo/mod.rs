//! Places: members of a sorted set whose scores say where they are.

mod places;
mod query;
mod search;

use self::query::Form;
use super::key_use::{KeyUse, Uses};
use super::row::{Behind, Command, Flags, Group, Keys, Run};

pub static ROWS: &[Command] = &[
    Command {
        name: "geoadd",
        arity: -5,
        keys: Keys::one(),
        flags: Flags::GROWS,
        syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
        summary: "Adds one or more places to a sorted set. Creates the key if it doesn't exist.",
        complexity: "O(log(N)) for each place, where N is the number of members.",
        run: Run::Write(places::geoadd),
        ..ROW
    },
    Command {
        name: "geodist",
        arity: -4,
        keys: Keys::one(),
        syntax: "key member1 member2 [M | KM | FT | MI]",
        summary: "Returns the distance between two places.",
        run: Run::Read(places::geodist),
        ..ROW
    },
    Command {
        name: "geohash",
        arity: -2,
        keys: Keys::one(),
        syntax: "key [member [member ...]]",
        summary: "Returns the geohashes of places.",
        complexity: "O(N) where N is the number of members asked about.",
        run: Run::Read(places::geohash),
        ..ROW
    },
    Command {
        name: "geopos",
        arity: -2,
        keys: Keys::one(),
        syntax: "key [member [member ...]]",
        summary: "Returns the longitude and latitude of places.",
        complexity: "O(N) where N is the number of members asked about.",
        run: Run::Read(places::geopos),
        ..ROW
    },
    Command {
        name: "geosearch",
        arity: -7,
        keys: Keys::one(),
        syntax: "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        summary: "Returns the places within a circle or a box.",
        since: "6.2.0",
        complexity: AREA,
        run: Run::Read(|args, view, reply| search::list(args, view, reply, Form::Search)),
        ..ROW
    },
    Command {
        name: "geosearchstore",
        arity: -8,
        keys: Keys::range(1, 2, 1),
        uses: Uses::Each(&[KeyUse::OW_UPDATE, KeyUse::RO_ACCESS]),
        flags: Flags::GROWS,
        syntax: "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
        summary: "Stores the places within a circle or a box in a key.",
        since: "6.2.0",
        complexity: AREA,
        run: Run::Write(search::geosearchstore),
        ..ROW
    },
    Command {
        name: "georadius",
        arity: -6,
        keys: Keys::Found {
            first: 1,
            last: 1,
            step: 1,
            behind: Behind::Keywords(&["STORE", "STOREDIST"], 6),
            find: search::keys_of_georadius,
        },
        uses: Uses::Each(&[KeyUse::RO_ACCESS, KeyUse::OW_UPDATE]),
        flags: Flags::GROWS,
        syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
        summary: "Returns, or stores in a key, the places around a point.",
        complexity: AREA,
        run: Run::Write(|args, edit, reply| search::list_or_store(args, edit, reply, Form::Radius)),
        ..ROW
    },
    Command {
        name: "georadius_ro",
        arity: -6,
        keys: Keys::one(),
        syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
        summary: "Returns the places around a point.",
        since: "3.2.10",
        complexity: AREA,
        run: Run::Read(|args, view, reply| search::list(args, view, reply, Form::Radius)),
        ..ROW
    },
    Command {
        name: "georadiusbymember",
        arity: -5,
        keys: Keys::Found {
            first: 1,
            last: 1,
            step: 1,
            behind: Behind::Keywords(&["STORE", "STOREDIST"], 5),
            find: search::keys_of_georadius,
        },
        uses: Uses::Each(&[KeyUse::RO_ACCESS, KeyUse::OW_UPDATE]),
        flags: Flags::GROWS,
        syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
        summary: "Returns, or stores in a key, the places around another one.",
        complexity: AREA,
        run: Run::Write(|args, edit, reply| search::list_or_store(args, edit, reply, Form::RadiusByMember)),
        ..ROW
    },
    Command {
        name: "georadiusbymember_ro",
        arity: -5,
        keys: Keys::one(),
        syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
        summary: "Returns the places around another one.",
        since: "3.2.10",
        complexity: AREA,
        run: Run::Read(|args, view, reply| search::list(args, view, reply, Form::RadiusByMember)),
        ..ROW
    },
];

const ROW: Command = Command { group: Group::Geo, since: "3.2.0", ..Command::ROW };

const AREA: &str = "O(log(N)+M) where N is the number of places and M the number of those in the squares that cover the area.";
