//! Mapping of a typed record to a flow: its values, its layout, and the names that go with it.
//!
//! The two vocabularies meet here. [`crate::flowlog`] knows nothing of what comes after it and [`crate::ipfix`] nothing
//! of what came before. Direct routes (one column → one element) are columns of the field table; rules that need more
//! than one column are in `flow.rs`.
//!
//! | file | owns |
//! |---|---|
//! | `settings.rs` | the settings that change how values are exported |
//! | `announce/` | numbers of identifiers, and the options records that name them (how announcements work: `announce/mod.rs`) |
//! | `flow.rs` | the values of a flow |
//! | `layout.rs` | the fields of a flow, and the template ID that follows |
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
