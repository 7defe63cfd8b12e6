//! Settings of a transcoder, with their documented defaults, and the [table] of all settings of the product.

pub mod table;

use crate::dedup;
use crate::ipfix::TemplateRefresh;
use crate::mapping::MappingSettings;

/// How a transcoder works.
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
    /// How values are exported.
    pub mapping: MappingSettings,
    /// What counts once.
    pub dedup: dedup::DedupSettings,
    /// A number that pins the observation domain of every record.
    pub observation_domain: Option<u32>,
    /// Most octets of a message, 512..=65535.
    pub max_message_size: usize,
    /// When templates are sent again over UDP.
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
