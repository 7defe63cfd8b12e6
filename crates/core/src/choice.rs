//! Settings that take one of a few words: parsing and printing, for the environment and the command line.

/// Error of a word that a setting does not take.
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
    /// The given word.
    pub value: String,
    /// Words that the setting takes, separated by commas.
    pub choices: &'static str,
}

/// Implements `FromStr` and `Display` of a setting from a table of words.
macro_rules! choices {
    ($type:ty, $first:literal => $first_value:expr $(, $word:literal => $value:expr)*) => {
        impl std::str::FromStr for $type {
            type Err = $crate::choice::NotAChoice;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $first => Ok($first_value),
                    $($word => Ok($value),)*
                    _ => Err($crate::choice::NotAChoice {
                        value: text.into(),
                        choices: concat!($first $(, ", ", $word)*),
                    }),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    value if *value == $first_value => $first,
                    $(value if *value == $value => $word,)*
                    _ => "",
                })
            }
        }
    };
}
pub(crate) use choices;
