//! Options of a run, from the arguments of `flowlogs replay` or `flowlogs verify`.

use flowlogs_export::CollectorUrl;

use crate::cli::{
    CountingOptions, MappingOptions, OutputKind, SendingOptions, SourceOptions, TimeKind,
};

/// Options of a run.
pub(crate) struct RunOptions<'a> {
    pub(crate) urls: Vec<CollectorUrl>,
    pub(crate) output: Option<OutputKind>,
    pub(crate) width: Option<u16>,
    pub(crate) time: TimeKind,
    pub(crate) strict: bool,
    pub(crate) source: &'a SourceOptions,
    pub(crate) mapping: &'a MappingOptions,
    pub(crate) counting: &'a CountingOptions,
    pub(crate) sending: Option<&'a SendingOptions>,
}
