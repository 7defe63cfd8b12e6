//! List of input files: directories are walked, inventories among the files are recognised by content.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowlogs_core::network::Inventory;

use crate::failure::CommandError;

/// Octets that suffice to recognise an inventory.
const BEGINNING: usize = 4_096;

/// File or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputFile {
    /// Path; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Found in a directory: such a file is skipped if it is not a flow log.
    pub(crate) walked: bool,
    /// Size in octets; 0 if unknown.
    pub(crate) octets: u64,
}

impl InputFile {
    /// Returns the name for messages.
    pub(crate) fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "standard input".to_owned(),
        }
    }

    /// Opens the file with a counter of the octets read.
    pub(crate) fn open(&self, counter: &Arc<AtomicU64>) -> io::Result<CountedReader> {
        let reader: Box<dyn Read> = match &self.path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(io::stdin()),
        };
        Ok(CountedReader {
            reader,
            counter: Arc::clone(counter),
        })
    }
}

/// Reader that counts octets.
pub(crate) struct CountedReader {
    reader: Box<dyn Read>,
    counter: Arc<AtomicU64>,
}

impl Read for CountedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.counter
            .fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}

/// Files and inventories named by the arguments.
#[derive(Debug, Default)]
pub(crate) struct InputList {
    pub(crate) inputs: Vec<InputFile>,
    /// Union of all inventories, named with `--inventory` or found among the files.
    pub(crate) inventory: Inventory,
    /// Messages about files that could not be listed or read.
    pub(crate) failures: Vec<String>,
}

impl InputList {
    /// Lists the files in the order of the arguments; files of a directory are sorted by path, without Markdown, goldens and
    /// hidden files.
    ///
    /// # Errors
    ///
    /// A file of `--inventory` that is not an inventory or cannot be read.
    pub(crate) fn of(arguments: &[PathBuf], inventories: &[PathBuf]) -> Result<Self, CommandError> {
        let mut this = Self::default();
        for path in inventories {
            let read = fs::read(path).map_err(|error| error.to_string());
            let inventory = read
                .and_then(|json| flowlogs_describe::read(&json).map_err(|error| error.to_string()))
                .map_err(|error| {
                    CommandError::failed(format_args!("--inventory {}: {error}", path.display()))
                })?;
            this.inventory.merge(inventory);
        }
        for path in arguments {
            if path.as_os_str() == "-" {
                this.inputs.push(InputFile {
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
                Ok(false) => self.inputs.push(InputFile {
                    path: Some(path.to_owned()),
                    walked,
                    octets: metadata.len(),
                }),
                Err(error) => self.failures.push(format!("{}: {error}", path.display())),
            },
            Err(error) => self.failures.push(problem(error)),
        }
    }

    /// Reads the file if it is an inventory, because inventories are needed before the first line.
    fn take_inventory(&mut self, path: &Path) -> Result<bool, String> {
        // Pipes must not lose their beginning; a file that cannot be opened fails later.
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

/// Lists a directory in the order of the names.
fn sorted(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // Companions of flow logs: pages about them, decoded flows to compare with.
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

        let inputs = InputList::of(&[directory.path().to_owned(), missing], &[]).expect("listed");
        let names: Vec<_> = inputs.inputs.iter().map(InputFile::name).collect();
        assert_eq!(names.len(), 2);
        assert!(names[0].ends_with("a.txt") && names[1].ends_with("two.txt"));
        assert!(inputs.inputs.iter().all(|input| input.walked));
        assert!(inputs.inventory.vpc(b"vpc-1").is_some());
        assert_eq!(inputs.failures.len(), 2, "{:?}", inputs.failures);
    }

    #[test]
    fn an_inventory_that_was_named_must_be_one() {
        let named = [PathBuf::from("nowhere.json")];
        let failure = InputList::of(&[], &named).expect_err("there is none");
        let message = failure.message().expect("says why");
        assert!(
            message.starts_with("--inventory nowhere.json: "),
            "{message}"
        );
    }
}
