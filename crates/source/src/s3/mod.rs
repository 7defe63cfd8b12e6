//! Notices of S3: new objects, and the account, region and flow log in keys.
//!
//! [`S3Event`] reads the event that invoked a function and names the objects to read; [`key_facts`] and [`may_be_a_flow_log`]
//! read keys. Nothing here sends a request to S3.
//!
//! | file | content |
//! |---|---|
//! | `trigger.rs` | wrappings of a notice |
//! | `notice.rs` | notices, objects in notices, and errors |
//! | `key.rs` | account and region in a key |

mod key;
mod notice;
mod trigger;

pub use key::{KeyFacts, decoded, is_account, key_facts, may_be_a_flow_log};
pub use notice::{BACKFILL_EVENT, NoticeMessage, ObjectNotice, ObjectRef, TriggerError};
pub use trigger::S3Event;
