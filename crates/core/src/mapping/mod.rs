//! Mapping of a typed record to a flow: values, layout, and announced names.
//!
//! The two vocabularies meet here: [`crate::flowlog`] knows nothing of the later stages, and [`crate::ipfix`] nothing of
//! the earlier stages. Direct routes (a column → an element) are columns of the field table; rules over several columns are
//! in `flow.rs`.
//!
//! | file | owns |
//! |---|---|
//! | `settings.rs` | the settings that change how values are exported |
//! | `announce/` | numbers of identifiers, and the options records with the names (how announcements work: `announce/mod.rs`) |
//! | `flow.rs` | the values of a flow |
//! | `times.rs` | start and end of a flow |
//! | `layout.rs` | the fields of a flow, and the template ID |
//! | `services.rs` | AWS services as an application |

pub(crate) mod announce;
mod flow;
mod layout;
mod services;
mod settings;
mod times;

pub use announce::MAX_UNKNOWN;
pub use settings::{AddressPair, InterfaceNames, MappingSettings, NameTexts, Timestamps};

pub(crate) use flow::{RecordFacts, map};
pub(crate) use layout::Layouts;
pub(crate) use times::FlowTimes;
