//! What Redis counts and limpid has none of: forks, snapshots, replicas, scripts, I/O threads. Tools ask for these
//! figures by name, and zero is true.

use super::Lines;

/// By section title.
static ZEROS: &[(&str, &[&str])] = &[
    ("Server", &["io_threads_active"]),
    (
        "Memory",
        &[
            "used_memory_vm_eval",
            "used_memory_lua",
            "used_memory_scripts_eval",
            "number_of_cached_scripts",
            "number_of_functions",
            "number_of_libraries",
            "used_memory_vm_functions",
            "used_memory_vm_total",
            "used_memory_functions",
            "used_memory_scripts",
        ],
    ),
    (
        "Persistence",
        &[
            "async_loading",
            "current_cow_peak",
            "current_cow_size",
            "current_cow_size_age",
            "current_save_keys_processed",
            "current_save_keys_total",
            "rdb_saves",
            "rdb_last_cow_size",
            "rdb_last_load_keys_expired",
            "aof_last_cow_size",
            "module_fork_in_progress",
            "module_fork_last_cow_size",
        ],
    ),
    (
        "Stats",
        &[
            "total_net_repl_input_bytes",
            "total_net_repl_output_bytes",
            "instantaneous_input_repl_kbps",
            "instantaneous_output_repl_kbps",
            "sync_full",
            "sync_partial_ok",
            "sync_partial_err",
            "migrate_cached_sockets",
            "slave_expires_tracked_keys",
            "tracking_total_keys",
            "tracking_total_items",
            "tracking_total_prefixes",
            "unexpected_error_replies",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
            "io_threaded_reads_processed",
            "io_threaded_writes_processed",
        ],
    ),
];

/// Ends a section.
pub fn write(lines: &mut Lines, title: &str) {
    let names = ZEROS.iter().filter(|(section, _)| *section == title).flat_map(|(_, names)| *names);
    names.for_each(|name| lines.line(format_args!("{name}:0")));
}
