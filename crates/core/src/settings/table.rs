//! The table of settings: variable, command-line option, default, accepted values and meaning of each, once.
//!
//! The functions read every row (environment → checked configuration), and `flowlogs settings` prints every row. An option
//! of the command line takes accepted words, bounds and most texts of `--help` from the row; `crates/cli/src/cli/options.rs`
//! declares the option with its default, and has its own text where the option differs from the variable. Tests compare the
//! templates' parameters and the table of README with the table.
//!
//! To add a setting: CONTRIBUTING.md, "Add a setting".

/// Row of the table: a setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Environment variable of the functions, as `TEMPLATE_REFRESH_SECONDS`.
    pub variable: &'static str,
    /// Option of `flowlogs` without dashes, as `template-refresh-seconds`; `None` where the command line has none.
    pub option: Option<&'static str>,
    /// Value of an absent or empty variable; empty where there is no default.
    pub default: &'static str,
    /// Accepted values.
    pub accepted: Accepted,
    /// Effect, in plain text of one or two sentences.
    pub meaning: &'static str,
    /// Necessity: a function without a required setting does not start.
    pub required: bool,
    /// Secrecy: the value of a secret setting is never shown.
    pub secret: bool,
}

/// Accepted values of a setting.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number between two bounds, both included.
    Number {
        /// Unit, as in "a number of octets".
        unit: &'static str,
        /// Lower bound.
        least: u32,
        /// Upper bound.
        most: u32,
    },
    /// Text that matches a regular expression, checked further by the reader.
    Text {
        /// Regular expression in the common syntax of CloudFormation and most libraries, anchored at both ends.
        pattern: &'static str,
        /// Description of the valid values, as the end of an error message.
        valid: &'static str,
    },
}

impl Setting {
    /// Parameter of the templates: `TLS_SECRET_ID` is `TlsSecretId`.
    pub fn parameter(&self) -> String {
        let words = self.variable.split('_').map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_owned() + &rest.to_ascii_lowercase()
        });
        words.collect()
    }

    /// Description of the valid values, as the end of an error message: `both, ingress or egress`.
    ///
    /// ```
    /// use flowlogs_core::settings::table::{DIRECTION, UDP_RATE};
    ///
    /// assert_eq!(DIRECTION.valid_values(), "both, ingress or egress");
    /// assert_eq!(UDP_RATE.valid_values(), "a number of messages a second from 1 to 1000000");
    /// ```
    pub fn valid_values(&self) -> String {
        match &self.accepted {
            Accepted::Words([most @ .., last]) if !most.is_empty() => {
                format!("{} or {last}", most.join(", "))
            }
            Accepted::Words(words) => words.join(", "),
            Accepted::Number { unit, least, most } => {
                format!("a number of {unit} from {least} to {most}")
            }
            Accepted::Text { valid, .. } => (*valid).to_owned(),
        }
    }
}

/// The setting of a variable.
pub fn setting(variable: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .copied()
        .find(|setting| setting.variable == variable)
}

/// Pattern of any text; PEM text and paths are checked where the certificate is read.
const PEM: &str = r"^[\s\S]*$";

const ON_OFF: Accepted = Accepted::Words(&["on", "off"]);

/// Declares the settings of a table, and the table. A row may end in `required` or `secret`.
macro_rules! settings {
    ($(#[$table_doc:meta])* $table:ident: $($variable:ident $(--$option:literal)? = $default:literal, $accepted:expr, $meaning:literal $($mark:ident)?;)*) => {
        $(
            #[doc = concat!("`", stringify!($variable), "`: ", $meaning)]
            pub static $variable: Setting = Setting {
                variable: stringify!($variable),
                option: settings!(@option $($option)?),
                default: $default,
                accepted: $accepted,
                meaning: $meaning,
                required: settings!(@required $($mark)?),
                secret: settings!(@secret $($mark)?),
            };
        )*

        $(#[$table_doc])*
        pub static $table: &[&Setting] = &[$(&$variable),*];
    };
    (@option) => { None };
    (@option $option:literal) => { Some($option) };
    (@required required) => { true };
    (@required $($other:ident)?) => { false };
    (@secret secret) => { true };
    (@secret $($other:ident)?) => { false };
}

pub(super) use settings;

settings! {
    /// Every setting of the transcoding functions, in the order of the documentation.
    SETTINGS:
    COLLECTOR --"to" = "",
        Accepted::Text {
            pattern: r"^ *(udp|tcp|tls)://[^,/ ]+( *, *(udp|tcp|tls)://[^,/ ]+)* *$",
            valid: "one or more of udp://host:4739, tcp://host:4739, tls://host:4740, separated by commas",
        },
        "Where the flows go: one or more URLs, separated by commas; each collector gets every flow: udp://host:4739, \
         tcp://host:4739, tls://host:4740. IPv6 addresses stand in brackets." required;
    LOG_FORMAT --"log-format" = "auto",
        Accepted::Text {
            pattern: r"^(auto|[\s\S]*\$\{[A-Za-z0-9_-]+\}[\s\S]*)$",
            valid: "auto, or a flow-log format string such as ${version} ${account-id} ..., or several separated by semicolons",
        },
        "A flow-log format string as in ${version} ${account-id} ..., or several separated by semicolons. With auto, EC2 is \
         asked for the formats of the log group. Give the format where EC2 does not know the flow log, as for log groups that \
         collect other accounts.";
    DIRECTION --"direction" = "both",
        Accepted::Words(&["both", "ingress", "egress"]),
        "Export flows of both directions, or only those that enter or leave an interface.";
    DEDUPLICATE --"deduplicate" = "on", ON_OFF,
        "Count a flow once, though it is delivered twice, logged by two flow logs, or seen at both of its ends.";
    INVENTORY = "ec2",
        Accepted::Text {
            pattern: r"^(ec2|off|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*)$",
            valid: "ec2, s3://bucket/prefix or off",
        },
        "Source of names, coverage and record formats: ec2 asks EC2 for this account and region; s3://bucket/prefix reads what \
         flowlogs-inventory keeps for all accounts and regions; off asks nobody, and needs no permission.";
    SOURCE_FILTERED --"source-filtered" = "off", ON_OFF,
        "Only a part of the flow logs' records arrives, because of a filter pattern or of a prefix or suffix of notifications: \
         nothing is left out because another record should exist.";
    EXCLUDE_COLLECTOR_TRAFFIC --"exclude-collector-traffic" = "on", ON_OFF,
        "Do not export flows to or from a collector; the function's own messages would be logged and exported for ever.";
    ADDRESS --"address" = "interface",
        Accepted::Words(&["interface", "packet"]),
        "Which address pair is the primary one where a record has two - the interface's, or the packet's.";
    TIMESTAMPS --"timestamps" = "milliseconds",
        Accepted::Words(&["milliseconds", "seconds"]),
        "The unit of flow start and end; seconds is for collectors that know only those.";
    OBSERVATION_DOMAIN --"observation-domain" = "auto",
        Accepted::Text { pattern: "^(auto|[1-9][0-9]{0,9})$", valid: "auto, or a number from 1 to 4294967295" },
        "One number for the observation domain of all messages; auto derives one for each account and region, and each \
         transit gateway.";
    EXPORTER_ADDRESS --"exporter-address" = "",
        Accepted::Text { pattern: "^[0-9a-fA-F:.]*$", valid: "an IPv4 or IPv6 address, or empty for none" },
        "An address that every flow carries as its exporter, for collectors that take it from there (elements 130 and 131); \
         empty for none.";
    INTERFACE_NAMES --"interface-names" = "options",
        Accepted::Words(&["options", "inline"]),
        "Send interface names as options data, or also inline in every flow (element 82) for collectors that ignore options \
         data.";
    NAMES --"names" = "on", ON_OFF,
        "Send the texts that people wrote: Name tags, tags, descriptions, names of ECS clusters and services. With off, names are \
         identifiers.";
    MAX_MESSAGE_SIZE --"max-message-size" = "1400",
        Accepted::Number { unit: "octets", least: 512, most: 65_535 },
        "Octets of an IPFIX message, over UDP the payload (at most 65507); 512 where the path MTU is unknown; larger messages cost less \
         where no collector is udp://.";
    TEMPLATE_REFRESH_SECONDS --"template-refresh-seconds" = "600",
        Accepted::Number { unit: "seconds", least: 1, most: 86_400 },
        "Over UDP, templates are sent again after this time, besides at the start of every invocation.";
    TEMPLATE_REFRESH_MESSAGES --"template-refresh-messages" = "20",
        Accepted::Number { unit: "messages", least: 1, most: 1_000_000 },
        "Over UDP, templates are sent again after this number of messages.";
    UDP_RATE --"udp-rate" = "5000",
        Accepted::Number { unit: "messages a second", least: 1, most: 1_000_000 },
        "Messages a second to each udp:// collector; a collector with a default socket buffer loses messages above it.";
    TLS_CA --"tls-ca" = "",
        Accepted::Text { pattern: PEM, valid: "PEM text with BEGIN CERTIFICATE, or the path of a file with it" },
        "PEM text (or a path in a layer) of the certificate authority of the collectors; empty takes the system's trust store.";
    TLS_CERTIFICATE --"tls-certificate" = "",
        Accepted::Text { pattern: PEM, valid: "PEM text with BEGIN CERTIFICATE, or the path of a file with it" },
        "PEM text (or a path in a layer) of the function's own certificate, for mutual authentication.";
    TLS_KEY --"tls-key" = "",
        Accepted::Text { pattern: PEM, valid: "PEM text with BEGIN PRIVATE KEY, or the path of a file with it" },
        "PEM text (or a path in a layer) of the private key of that certificate." secret;
    TLS_SECRET_ID = "",
        Accepted::Text {
            pattern: "^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+)?$",
            valid: "the ARN or name of a Secrets Manager secret, in place of TLS_CA, TLS_CERTIFICATE and TLS_KEY",
        },
        "The full ARN of a Secrets Manager secret, a JSON object with the PEM texts \"ca\", \"certificate\" and \"key\", for \
         tls:// collectors; in place of CA, certificate and key.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TranscoderSettings, dedup::DirectionFilter, mapping::*};

    #[test]
    fn no_variable_and_no_option_is_there_twice() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            for other in &SETTINGS[..index] {
                assert_ne!(setting.variable, other.variable);
                assert!(setting.option.is_none() || setting.option != other.option);
            }
        }
    }

    #[test]
    fn every_default_is_accepted() {
        for setting in SETTINGS {
            match &setting.accepted {
                Accepted::Words(words) => assert!(words.contains(&setting.default), "{setting:?}"),
                Accepted::Number { least, most, .. } => {
                    let number = setting.default.parse().expect("a number");
                    assert!((*least..=*most).contains(&number), "{setting:?}");
                }
                Accepted::Text { pattern, .. } => {
                    assert!(
                        pattern.starts_with('^') && pattern.ends_with('$'),
                        "{setting:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_words_of_a_setting_are_those_that_its_type_reads() {
        fn reads<T: std::str::FromStr + std::fmt::Display>(setting: &Setting) -> &'static str {
            let Accepted::Words(words) = setting.accepted else {
                panic!("{setting:?}");
            };
            for word in words {
                let value = word.parse::<T>().ok().expect("a word of the type");
                assert_eq!(value.to_string(), *word);
            }
            setting.variable
        }
        let read = [
            reads::<DirectionFilter>(&DIRECTION),
            reads::<AddressPair>(&ADDRESS),
            reads::<Timestamps>(&TIMESTAMPS),
            reads::<InterfaceNames>(&INTERFACE_NAMES),
            reads::<NameTexts>(&NAMES),
        ];
        for setting in SETTINGS {
            let has_type =
                matches!(setting.accepted, Accepted::Words(_)) && setting.accepted != ON_OFF;
            assert!(
                !has_type || read.contains(&setting.variable),
                "{}",
                setting.variable
            );
        }
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_transcoder() {
        let settings = TranscoderSettings::default();
        let refresh = settings.template_refresh;
        for (setting, default) in [
            (&MAX_MESSAGE_SIZE, settings.max_message_size.to_string()),
            (&TEMPLATE_REFRESH_SECONDS, refresh.seconds.to_string()),
            (&TEMPLATE_REFRESH_MESSAGES, refresh.messages.to_string()),
            (&TIMESTAMPS, settings.mapping.timestamps.to_string()),
            (&ADDRESS, settings.mapping.address.to_string()),
            (
                &INTERFACE_NAMES,
                settings.mapping.interface_names.to_string(),
            ),
            (&NAMES, settings.mapping.name_texts.to_string()),
            (&DIRECTION, settings.dedup.direction.to_string()),
        ] {
            assert_eq!(setting.default, default);
        }
        assert_eq!(DEDUPLICATE.default == "on", settings.dedup.deduplicate);
        assert_eq!(setting("DIRECTION"), Some(&DIRECTION));
    }

    #[test]
    fn a_parameter_is_the_variable_in_camel_case() {
        assert_eq!(TLS_SECRET_ID.parameter(), "TlsSecretId");
    }

    #[test]
    fn the_valid_values_are_in_the_words_of_an_error_message() {
        let numbers = Accepted::Number {
            unit: "octets",
            least: 1,
            most: 9,
        };
        let text = Accepted::Text {
            pattern: "^a$",
            valid: "a letter",
        };
        for (accepted, right) in [
            (Accepted::Words(&["on"]), "on"),
            (Accepted::Words(&["on", "off"]), "on or off"),
            (Accepted::Words(&["a", "b", "c"]), "a, b or c"),
            (numbers, "a number of octets from 1 to 9"),
            (text, "a letter"),
        ] {
            let setting = Setting {
                variable: "NAME",
                option: None,
                default: "",
                accepted,
                meaning: "",
                required: false,
                secret: false,
            };
            assert_eq!(setting.valid_values(), right);
        }
    }

    #[test]
    fn a_setting_is_required_where_a_function_does_not_start_without() {
        use super::super::inventory::INVENTORY_SETTINGS;

        let required = |settings: &[&Setting]| -> Vec<&str> {
            let required = settings.iter().filter(|setting| setting.required);
            required.map(|setting| setting.variable).collect()
        };
        assert_eq!(required(SETTINGS), ["COLLECTOR"]);
        let of_inventory = ["ACCOUNTS", "EXTERNAL_ID", "INVENTORY"];
        assert_eq!(required(INVENTORY_SETTINGS), of_inventory);
    }
}
