//! List of input files: directories are walked, inventories among the files are recognised by content.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flowlogs_core::network::Inventory;
use flowlogs_export::CollectorUrl;

use crate::failure::CommandError;
use crate::forms::{self, PlainError};
use crate::text::shown_path;

/// Most octets of a file that are read to recognise an inventory.
const BEGINNING: usize = 4_096;

/// Most octets of an inventory, packed or not.
const LARGEST_INVENTORY: usize = 1 << 30;

/// Extension of the expectations of `flowlogs verify`.
pub(crate) const EXPECTED: &str = "expected";

/// Name of AWS's test file for exports: AWS tries whether an export may write into a bucket.
const WRITE_TEST: &str = "aws-logs-write-test";

/// Extensions of files beside flow logs: pages, decoded flows to compare with.
const COMPANIONS: [&str; 3] = ["md", "golden", EXPECTED];

/// File or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputFile {
    /// Path; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// Found in a directory: the file is skipped if no flow log.
    pub(crate) found_in_directory: bool,
    /// Size in octets; 0 if unknown.
    pub(crate) octets: u64,
}

impl InputFile {
    /// Returns the name for messages.
    pub(crate) fn name(&self) -> String {
        match &self.path {
            Some(path) => shown_path(path),
            None => "standard input".to_owned(),
        }
    }

    /// Opens the file with a counter of the octets read, as text that `flowlogs-source` knows.
    ///
    /// Standard input is read line by line; `idle` is true while no further line has arrived.
    pub(crate) fn open(
        &self,
        counter: &Arc<AtomicU64>,
        idle: &Arc<AtomicBool>,
    ) -> Result<Box<dyn Read>, PlainError> {
        let reader: Box<dyn Read> = match &self.path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(LineByLine::new(io::stdin(), Arc::clone(idle))),
        };
        forms::plain(Box::new(CountedReader {
            reader,
            counter: Arc::clone(counter),
        }))
    }
}

/// Reader that returns a line at a time, as soon as the line has arrived.
struct LineByLine<R> {
    input: BufReader<R>,
    idle: Arc<AtomicBool>,
}

impl<R: Read> LineByLine<R> {
    fn new(input: R, idle: Arc<AtomicBool>) -> Self {
        Self {
            input: BufReader::with_capacity(64 * 1_024, input),
            idle,
        }
    }
}

impl<R: Read> Read for LineByLine<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = self.input.fill_buf()?;
        let line = waiting.iter().position(|octet| *octet == b'\n');
        let end = line.map_or(waiting.len(), |end| end + 1).min(buffer.len());
        buffer[..end].copy_from_slice(&waiting[..end]);
        self.input.consume(end);
        self.idle
            .store(self.input.buffer().is_empty(), Ordering::Relaxed);
        Ok(end)
    }
}

/// Reader that counts octets.
struct CountedReader {
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
    /// Notes about inventories without content.
    pub(crate) notes: Vec<String>,
    /// Inventories that were read, by path.
    inventories: Vec<PathBuf>,
    /// Directories of the current argument that were walked: whatever links lead to a directory, it is walked once.
    walked: HashSet<PathBuf>,
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
            this.add_inventory(path)?;
        }
        for path in arguments {
            if path.as_os_str() == "-" {
                this.inputs.push(InputFile {
                    path: None,
                    found_in_directory: false,
                    octets: 0,
                });
            } else if let Some(failure) = in_bucket(path) {
                this.failures.push(format!("{failure}; then replay DIR"));
            } else {
                this.walked.clear();
                this.add(path, false);
            }
        }
        Ok(this)
    }

    /// Reads an inventory that was named, or every file of a directory.
    fn add_inventory(&mut self, path: &Path) -> Result<(), CommandError> {
        if let Some(failure) = in_bucket(path) {
            return Err(CommandError::usage(format_args!(
                "--inventory {failure}; then --inventory DIR"
            )));
        }
        let failed = |error: &dyn fmt::Display| {
            CommandError::failed(format_args!("--inventory {}: {error}", shown_path(path)))
        };
        if path.is_dir() {
            let paths = sorted(path).map_err(|error| failed(&error))?;
            // A link could lead back, and a pipe might never end.
            let paths = paths
                .iter()
                .filter(|path| !path.is_symlink() && (path.is_file() || path.is_dir()));
            return paths
                .map(PathBuf::as_path)
                .try_for_each(|path| self.add_inventory(path));
        }
        let octets = File::open(path).and_then(|file| whole(file, Vec::new(), LARGEST_INVENTORY));
        let octets = octets.map_err(|error| failed(&error))?;
        let inventory = flowlogs_describe::read(&octets).map_err(|error| failed(&error))?;
        if inventory.is_empty() {
            self.notes.push(format!(
                "--inventory {} holds no interface, VPC, gateway or flow log",
                shown_path(path)
            ));
        }
        self.inventory.merge(inventory);
        self.inventories.push(path.to_owned());
        Ok(())
    }

    fn add(&mut self, path: &Path, found_in_directory: bool) {
        let problem = |error: io::Error| format!("{}: {error}", shown_path(path));
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                if let Err(error) = self.walk(path) {
                    self.failures.push(problem(error));
                }
            }
            // Somebody who names a pipe has something to write into it.
            Ok(metadata) if found_in_directory && !metadata.is_file() => self.notes.push(format!(
                "{}: neither a file nor a directory; skipped",
                shown_path(path)
            )),
            Ok(metadata) => match self.take_inventory(path) {
                Ok(true) => {}
                Ok(false) => self.inputs.push(InputFile {
                    path: Some(path.to_owned()),
                    found_in_directory,
                    octets: metadata.len(),
                }),
                Err(error) => self.failures.push(format!("{}: {error}", shown_path(path))),
            },
            Err(error) => self.failures.push(problem(error)),
        }
    }

    /// Adds the files of a directory that was not walked before.
    fn walk(&mut self, directory: &Path) -> io::Result<()> {
        if self.walked.insert(directory.canonicalize()?) {
            let paths = sorted(directory)?;
            paths.iter().for_each(|path| self.add(path, true));
        }
        Ok(())
    }

    /// Returns the octets of all inputs; 0 if unknown, because of standard input.
    pub(crate) fn size(&self) -> u64 {
        let known = self.inputs.iter().all(|input| input.path.is_some());
        let octets = self.inputs.iter().map(|input| input.octets).sum();
        if known { octets } else { 0 }
    }

    /// Refuses an input or an inventory as a target: opening the target would empty the file.
    ///
    /// # Errors
    ///
    /// The first such target.
    pub(crate) fn refuse_as_targets(&self, urls: &[CollectorUrl]) -> Result<(), CommandError> {
        let inputs = self.inputs.iter().filter_map(|input| input.path.as_ref());
        let read: Vec<_> = inputs
            .chain(&self.inventories)
            .filter_map(|path| {
                fs::metadata(path)
                    .ok()
                    .map(|found| (found.dev(), found.ino()))
            })
            .collect();
        for url in urls {
            let Some(Ok(found)) = url.path().map(fs::metadata) else {
                continue;
            };
            if found.is_file() && read.contains(&(found.dev(), found.ino())) {
                return Err(CommandError::usage(format_args!(
                    "--to {url} is an input, which writing would destroy; give another file"
                )));
            }
        }
        Ok(())
    }

    /// Reads a file if it is an inventory, needed before the first line; returns whether it is an inventory.
    fn take_inventory(&mut self, path: &Path) -> Result<bool, String> {
        // Pipes must not lose the beginning; an unreadable file fails later.
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
        let json = whole(file, json, LARGEST_INVENTORY).map_err(|error| error.to_string())?;
        let inventory = flowlogs_describe::read(&json).map_err(|error| error.to_string())?;
        self.inventory.merge(inventory);
        self.inventories.push(path.to_owned());
        Ok(true)
    }
}

/// Returns the advice to copy an object, prefix or bucket of S3 first, if the path is its URL.
fn in_bucket(path: &Path) -> Option<String> {
    let url = path.to_str()?;
    let location = url.strip_prefix("s3://")?;
    // A last part with a point is the name of an object; `--recursive` would look for keys below that name.
    let is_object = matches!(location.rsplit_once('/'), Some((_, name)) if name.contains('.'));
    let recursive = if is_object { "" } else { "--recursive " };
    let directory = if is_object { "DIR/" } else { "DIR" };
    Some(format!(
        "{url}: copy it first: aws s3 cp {recursive}{url} {directory}"
    ))
}

/// Refuses targets that are existing files.
///
/// # Errors
///
/// The first such target.
pub(crate) fn refuse_to_overwrite(urls: &[CollectorUrl]) -> Result<(), CommandError> {
    for url in urls {
        // Devices and pipes are not overwritten.
        if url.path().is_some_and(Path::is_file) {
            return Err(CommandError::usage(format_args!(
                "--to {url} exists; give another file, or --force to overwrite it"
            )));
        }
    }
    Ok(())
}

/// Lists the expectations of `flowlogs verify` in directories.
pub(crate) fn walk_expectations(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left: Vec<_> = directories.to_vec();
    while let Some(directory) = left.pop() {
        // A directory that cannot be listed is a failure already.
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(_)
                    if entry
                        .path()
                        .extension()
                        .is_some_and(|known| known == EXPECTED) =>
                {
                    found.push(entry.path());
                }
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Reads an inventory to its end, after the octets that were read before.
///
/// # Errors
///
/// The inventory cannot be read, or has more than `limit` octets.
fn whole(reader: impl Read, mut octets: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    let room = limit.saturating_sub(octets.len());
    let room = u64::try_from(room).unwrap_or(u64::MAX);
    reader
        .take(room.saturating_add(1))
        .read_to_end(&mut octets)?;
    if octets.len() > limit {
        return Err(io::Error::other(format!(
            "an inventory of more than {limit} octets"
        )));
    }
    Ok(octets)
}

/// Lists a directory in the order of the names.
fn sorted(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let beside = path
            .extension()
            .is_some_and(|extension| COMPANIONS.iter().any(|known| extension == *known));
        let permission_check = path.file_name().is_some_and(|name| name == WRITE_TEST);
        if !hidden && !beside && !permission_check {
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
        assert!(inputs.inputs.iter().all(|input| input.found_in_directory));
        assert!(inputs.inventory.vpc(b"vpc-1").is_some());
        assert_eq!(inputs.failures.len(), 2, "{:?}", inputs.failures);
    }

    #[test]
    fn symbolic_links_in_a_circle_are_followed_once() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let inner = directory.path().join("inner");
        fs::create_dir(&inner).expect("created");
        fs::write(inner.join("a.txt"), "1").expect("written");
        std::os::unix::fs::symlink(directory.path(), inner.join("up")).expect("linked");
        std::os::unix::fs::symlink("self", inner.join("self")).expect("linked");
        let inputs = InputList::of(&[directory.path().to_owned()], &[]).expect("listed");
        assert_eq!(inputs.inputs.len(), 1, "{:?}", inputs.inputs);
        assert_eq!(inputs.failures.len(), 1, "a link to itself leads nowhere");
    }

    #[test]
    fn a_directory_is_walked_once_however_many_links_lead_to_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let step = |number: usize| directory.path().join(format!("step{number}"));
        for number in 0..=30 {
            fs::create_dir(step(number)).expect("created");
        }
        for number in 0..30 {
            for name in ["left", "right"] {
                let link = step(number).join(name);
                std::os::unix::fs::symlink(step(number + 1), link).expect("linked");
            }
        }
        fs::write(step(30).join("a.txt"), "1").expect("written");
        let inputs = InputList::of(&[step(0)], &[]).expect("listed");
        assert_eq!(inputs.inputs.len(), 1, "and not 2^30");
        let twice = InputList::of(&[step(29), step(30)], &[]).expect("listed");
        assert_eq!(twice.inputs.len(), 2, "each argument by itself");
    }

    #[test]
    fn a_pipe_in_a_directory_is_skipped_and_noted() {
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(directory.path().join("named.gz")).expect("created");
        fs::write(directory.path().join("named.gz/a.txt"), "1").expect("written");
        let pipe = directory.path().join("pipe.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "a pipe");
        let here = [directory.path().to_owned()];
        let inputs = InputList::of(&here, &here);
        assert!(inputs.is_err(), "a.txt is no inventory, and nobody waits");
        let inputs = InputList::of(&here, &[]).expect("listed");
        assert_eq!(inputs.inputs.len(), 1, "{:?}", inputs.inputs);
        assert!(inputs.notes[0].ends_with("skipped"), "{:?}", inputs.notes);
    }

    #[test]
    fn an_inventory_without_end_is_refused() {
        for before in [0, 5] {
            let read = |octets| whole(octets, vec![b' '; before], 1_000);
            let error = read(Box::new(io::repeat(b' ')) as Box<dyn Read>).expect_err("no end");
            assert!(error.to_string().contains("1000"), "{error}");
            let rest = u64::try_from(1_000 - before).expect("few");
            let whole = read(Box::new(io::repeat(b' ').take(rest))).expect("it has room");
            assert_eq!(whole.len(), 1_000);
        }
    }

    #[test]
    fn an_inventory_that_was_named_must_be_there_and_be_an_inventory() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let other = directory.path().join("other.json");
        fs::write(&other, r#"{"Records": []}"#).expect("written");
        for path in [PathBuf::from("nowhere.json"), other] {
            let begin = format!("--inventory {}: ", path.display());
            let failure = InputList::of(&[], &[path]).expect_err("no inventory");
            let message = failure.message().expect("says why");
            assert!(message.starts_with(&begin), "{message}");
        }
    }
}
