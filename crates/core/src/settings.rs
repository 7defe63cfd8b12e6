//! Settings of a transcoder, with documented defaults, and the [table] of all settings of the functions that transcode; the
//! inventory function has a [separate table](inventory).

pub mod inventory;
pub mod table;

use crate::dedup;
use crate::ipfix::TemplateRefresh;
use crate::mapping::MappingSettings;

/// Settings of a transcoder.
///
/// ```
/// use flowlogs_core::{TranscoderSettings, dedup::DirectionFilter};
///
/// let mut settings = TranscoderSettings { max_message_size: 512, ..TranscoderSettings::default() };
/// settings.dedup.direction = DirectionFilter::Ingress;
/// assert!(settings.dedup.deduplicate);
/// ```
#[derive(Debug, Clone)]
pub struct TranscoderSettings {
    /// Export of values.
    pub mapping: MappingSettings,
    /// Rules that leave records out.
    pub dedup: dedup::DedupSettings,
    /// Number of the only observation domain; `None` for a domain for each account and region, and each transit gateway.
    pub observation_domain: Option<u32>,
    /// Most octets of a message, 512..=65535.
    pub max_message_size: usize,
    /// Repetition of templates over UDP.
    pub template_refresh: TemplateRefresh,
}

impl Default for TranscoderSettings {
    /// The documented defaults.
    fn default() -> Self {
        Self {
            mapping: MappingSettings::default(),
            dedup: dedup::DedupSettings::default(),
            observation_domain: None,
            max_message_size: 1_400,
            template_refresh: TemplateRefresh {
                seconds: 600,
                messages: 20,
            },
        }
    }
}
