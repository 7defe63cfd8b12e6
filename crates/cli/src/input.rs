//! Which files are read: arguments become a list of inputs, directories are walked, inventories are found by content.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowlogs_core::network::Inventory;

use crate::failure::Failure;

/// Octets that are enough to recognise an inventory.
const BEGINNING: usize = 4_096;

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// Its path, or nothing for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Found in a directory: if it is no flow log at all, that is no mistake of anybody.
    pub(crate) walked: bool,
    /// Its size, as far as it is known.
    pub(crate) octets: u64,
}

impl Input {
    /// How messages call it.
    pub(crate) fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "standard input".to_owned(),
        }
    }

    /// Opens it; what is read of it is counted.
    pub(crate) fn open(&self, counter: &Arc<AtomicU64>) -> io::Result<Counted> {
        let reader: Box<dyn Read> = match &self.path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(io::stdin()),
        };
        Ok(Counted {
            reader,
            counter: Arc::clone(counter),
        })
    }
}

/// A reader that counts.
pub(crate) struct Counted {
    reader: Box<dyn Read>,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.counter
            .fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}

/// Everything that the arguments mean.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) inputs: Vec<Input>,
    /// What the inventories among them, and those named as such, say together.
    pub(crate) inventory: Inventory,
    /// What could not be listed or read, a line each.
    pub(crate) failures: Vec<String>,
}

impl Inputs {
    /// Lists the arguments' files in their order, those of a directory sorted by path, without Markdown and hidden files.
    ///
    /// # Errors
    ///
    /// An inventory that was named as such and is none, or cannot be read.
    pub(crate) fn of(arguments: &[PathBuf], inventories: &[PathBuf]) -> Result<Self, Failure> {
        let mut this = Self::default();
        for path in inventories {
            let read = fs::read(path).map_err(|error| error.to_string());
            let inventory = read
                .and_then(|json| flowlogs_describe::read(&json).map_err(|error| error.to_string()))
                .map_err(|error| {
                    Failure::failed(format_args!("--inventory {}: {error}", path.display()))
                })?;
            this.inventory.merge(inventory);
        }
        for path in arguments {
            if path.as_os_str() == "-" {
                this.inputs.push(Input {
                    path: None,
                    walked: false,
                    octets: 0,
                });
            } else {
                this.add(path, false);
            }
        }
        Ok(this)
    }

    fn add(&mut self, path: &Path, walked: bool) {
        let problem = |error: io::Error| format!("{}: {error}", path.display());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => match sorted(path) {
                Ok(paths) => paths.iter().for_each(|path| self.add(path, true)),
                Err(error) => self.failures.push(problem(error)),
            },
            Ok(metadata) => match self.take_inventory(path) {
                Ok(true) => {}
                Ok(false) => self.inputs.push(Input {
                    path: Some(path.to_owned()),
                    walked,
                    octets: metadata.len(),
                }),
                Err(error) => self.failures.push(format!("{}: {error}", path.display())),
            },
            Err(error) => self.failures.push(problem(error)),
        }
    }

    /// Takes the file as an inventory, if it is one: it must be known before the first line is read.
    fn take_inventory(&mut self, path: &Path) -> Result<bool, String> {
        // What cannot be opened, or is no regular file (a pipe must not lose its beginning), fails or is read later.
        if !path.is_file() {
            return Ok(false);
        }
        let Ok(mut file) = File::open(path) else {
            return Ok(false);
        };
        let mut json = Vec::with_capacity(BEGINNING);
        let limit = u64::try_from(BEGINNING).unwrap_or(u64::MAX);
        if file.by_ref().take(limit).read_to_end(&mut json).is_err()
            || !flowlogs_describe::looks_like_inventory(&json)
        {
            return Ok(false);
        }
        file.read_to_end(&mut json)
            .map_err(|error| error.to_string())?;
        let inventory = flowlogs_describe::read(&json).map_err(|error| error.to_string())?;
        self.inventory.merge(inventory);
        Ok(true)
    }
}

/// What is in a directory, in the order of the names.
fn sorted(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // What stands beside flow logs and is none: a page about them, decoded flows to compare with.
        let beside = path
            .extension()
            .is_some_and(|extension| extension == "md" || extension == "golden");
        if !hidden && !beside {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_walked_in_order_and_inventories_are_taken_out() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("in the directory")).expect("created");
            fs::write(path, text).expect("written");
        };
        write("b/two.txt", "2");
        write("a.txt", "1");
        write("README.md", "# not a flow log");
        write(".hidden", "no");
        write("b/vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1"}]}"#);
        write("broken.json", r#"{"Vpcs": [5]}"#);
        let missing = directory.path().join("missing");

        let inputs = Inputs::of(&[directory.path().to_owned(), missing], &[]).expect("listed");
        let names: Vec<_> = inputs.inputs.iter().map(Input::name).collect();
        assert_eq!(names.len(), 2);
        assert!(names[0].ends_with("a.txt") && names[1].ends_with("two.txt"));
        assert!(inputs.inputs.iter().all(|input| input.walked));
        assert!(inputs.inventory.vpc(b"vpc-1").is_some());
        assert_eq!(inputs.failures.len(), 2, "{:?}", inputs.failures);
    }

    #[test]
    fn an_inventory_that_was_named_must_be_one() {
        let named = [PathBuf::from("nowhere.json")];
        let failure = Inputs::of(&[], &named).expect_err("there is none");
        let message = failure.message().expect("says why");
        assert!(
            message.starts_with("--inventory nowhere.json: "),
            "{message}"
        );
    }
}
