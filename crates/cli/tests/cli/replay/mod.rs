//! `flowlogs replay`: `inputs.rs` are files and directories, `forms.rs` all forms of input, `formats.rs` lines that fit no
//! format, `inventory.rs` the knowledge of the network, `usage.rs` options and help, `targets.rs` collectors and files,
//! `output.rs` table, JSON and summary.

mod formats;
mod forms;
mod inputs;
mod inventory;
mod output;
mod targets;
mod usage;

use std::fs;
use std::path::Path;

/// 20,000 flows.
fn many() -> String {
    let line = |n: u32| {
        format!(
            "2 123456789010 eni-1 10.0.{}.{} 10.1.0.1 {} 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n",
            n % 200,
            n / 200,
            1_024 + n
        )
    };
    (0..20_000).map(line).collect()
}

fn file(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().expect("in the directory")).expect("created");
    fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}
