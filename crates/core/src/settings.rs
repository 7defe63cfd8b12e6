//! How a transcoder works: the settings that reach core, with their documented defaults.

use crate::dedup;
use crate::ipfix::Refresh;
use crate::mapping::Mapping;

/// How a transcoder works.
///
/// ```
/// use flowlogs_core::{Settings, dedup::DirectionFilter};
///
/// let mut settings = Settings { max_message_size: 512, ..Settings::default() };
/// settings.dedup.direction = DirectionFilter::Ingress;
/// assert!(settings.dedup.deduplicate);
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// How values are exported.
    pub mapping: Mapping,
    /// What counts once.
    pub dedup: dedup::Settings,
    /// A number that pins the observation domain of every record.
    pub observation_domain: Option<u32>,
    /// Most octets of a message, 512..=65535.
    pub max_message_size: usize,
    /// When templates are sent again over UDP.
    pub template_refresh: Refresh,
}

impl Default for Settings {
    /// The documented defaults.
    fn default() -> Self {
        Self {
            mapping: Mapping::default(),
            dedup: dedup::Settings {
                deduplicate: true,
                ..dedup::Settings::default()
            },
            observation_domain: None,
            max_message_size: 1_400,
            template_refresh: Refresh {
                seconds: 600,
                messages: 20,
            },
        }
    }
}
