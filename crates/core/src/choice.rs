//! TranscoderSettings that take one of a few words: parsing and printing them, in one place for the environment, the command line
//! and the documentation.

/// A word that is none of those that a setting takes.
///
/// ```
/// use flowlogs_core::mapping::Timestamps;
///
/// assert_eq!("seconds".parse(), Ok(Timestamps::Seconds));
/// let error = "minutes".parse::<Timestamps>().unwrap_err();
/// assert_eq!(error.to_string(), "\"minutes\" is none of milliseconds, seconds");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{value}\" is none of {choices}")]
pub struct NotAChoice {
    /// What was given.
    pub value: String,
    /// What would be right, separated by commas.
    pub choices: &'static str,
}

/// Words of a setting, in one place for the environment, the command line and the documentation.
macro_rules! choices {
    ($type:ty, $choices:literal, $($word:literal => $value:expr),+) => {
        impl std::str::FromStr for $type {
            type Err = $crate::choice::NotAChoice;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($value),)+
                    _ => Err($crate::choice::NotAChoice { value: text.into(), choices: $choices }),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(value if *value == $value => $word,)+
                    _ => "",
                })
            }
        }
    };
}
pub(crate) use choices;
