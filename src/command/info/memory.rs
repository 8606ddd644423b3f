//! The Memory section. What is used is what has been asked of the allocator; nothing is estimated but the parts of it.

use super::super::context::Context;
use super::super::server::memory::{Parts, percent, ratio};
use super::{Lines, lines};
use crate::machine;
use crate::memory;

pub fn memory(out: &mut Lines, context: &Context) {
    let memory = memory::usage();
    let parts = Parts::of(context);
    used(out, &memory, &parts);
    limit(out, context);
    fragmentation(out, &memory);
    lines!(out,
        "mem_not_counted_for_evict": parts.log,
        "mem_replication_backlog": 0,
        "mem_total_replication_buffers": 0,
        "mem_clients_slaves": 0,
        "mem_clients_normal": parts.clients,
        "mem_cluster_links": 0,
        "mem_aof_buffer": parts.log,
        "mem_allocator": "jemalloc",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": context.server.keyspace.pending.objects(),
        "lazyfreed_objects": context.server.keyspace.pending.freed(),
    );
}

fn used(out: &mut Lines, memory: &memory::Usage, parts: &Parts) {
    let machine = machine::memory_bytes().unwrap_or(0);
    let overhead = parts.overhead(memory);
    let dataset = memory.used.saturating_sub(overhead);
    lines!(out,
        "used_memory": memory.used,
        "used_memory_human": human(memory.used),
        "used_memory_rss": memory.resident,
        "used_memory_rss_human": human(memory.resident),
        "used_memory_peak": memory.peak,
        "used_memory_peak_human": human(memory.peak),
        "used_memory_peak_perc": format_args!("{:.2}%", percent(memory.used, memory.peak)),
        "used_memory_overhead": overhead,
        "used_memory_startup": memory.startup,
        "used_memory_dataset": dataset,
        "used_memory_dataset_perc": format_args!("{:.2}%", percent(dataset, memory.since_startup())),
        "allocator_allocated": memory.allocated,
        "allocator_active": memory.active,
        "allocator_resident": memory.allocator_resident,
        "total_system_memory": machine,
        "total_system_memory_human": human(machine),
    );
}

fn limit(out: &mut Lines, context: &Context) {
    let config = context.server.config();
    lines!(out,
        "maxmemory": config.maxmemory,
        "maxmemory_human": human(config.maxmemory as usize),
        "maxmemory_policy": config.maxmemory_policy.name(),
    );
}

fn fragmentation(out: &mut Lines, memory: &memory::Usage) {
    let ratio = |part, whole| format!("{:.2}", ratio(part, whole));
    let more = |part: usize, whole: usize| part as i64 - whole as i64;
    let memory::Usage { allocated, active, allocator_resident, resident, .. } = *memory;
    lines!(out,
        "allocator_frag_ratio": ratio(active, allocated),
        "allocator_frag_bytes": more(active, allocated),
        "allocator_rss_ratio": ratio(allocator_resident, active),
        "allocator_rss_bytes": more(allocator_resident, active),
        "rss_overhead_ratio": ratio(resident, allocator_resident),
        "rss_overhead_bytes": more(resident, allocator_resident),
        "mem_fragmentation_ratio": ratio(resident, allocated),
        "mem_fragmentation_bytes": more(resident, allocated),
    );
}

fn human(bytes: usize) -> String {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes}B") } else { format!("{value:.2}{}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (5 << 20, "5.00M"), (1 << 50, "1024.00T")]
        {
            assert_eq!(human(bytes), text);
        }
    }
}
