//! The table of settings of `flowlogs-inventory`, the function for the inventory of an organization.

use super::table::{Accepted, Setting, settings};

settings! {
    /// Every setting of the inventory function, in the order of the documentation.
    INVENTORY_SETTINGS:
    ACCOUNTS = "",
        Accepted::Text {
            pattern: r"^(organization|[0-9]{12}( *, *[0-9]{12})*)$",
            valid: "organization, or accounts of 12 digits separated by commas",
        },
        "The accounts to ask, separated by commas; or organization for every account that AWS Organizations lists, which works \
         in the management account and in delegated administrators." required;
    REGIONS = "",
        Accepted::Text {
            pattern: r"^([a-z]+(-[a-z]+)+-[0-9]+( *, *[a-z]+(-[a-z]+)+-[0-9]+)*)?$",
            valid: "regions such as eu-central-1, separated by commas, or empty for the function's own region",
        },
        "The regions to ask, separated by commas; empty for the function's own region.";
    MEMBER_ROLE = "flow-logs-transcoder/flowlogs-member",
        Accepted::Text {
            pattern: r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$",
            valid: "the path and name of a role, without a slash at the beginning, such as flow-logs-transcoder/flowlogs-member",
        },
        "Path and name of the read-only role in each account, as template-member.yaml makes it.";
    EXTERNAL_ID = "",
        Accepted::Text {
            pattern: r"^[A-Za-z0-9+=,.@:/_-]{2,1224}$",
            valid: "2 to 1224 letters, digits and characters of +=,.@:/_-",
        },
        "The external id that the role in each account asks for." required;
    INVENTORY = "",
        Accepted::Text {
            pattern: r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=/-]*)?$",
            valid: "s3://bucket or s3://bucket/prefix",
        },
        "Where the inventory is kept: s3://bucket or s3://bucket/prefix." required;
}

#[cfg(test)]
mod tests {
    use super::super::table::SETTINGS;
    use super::*;

    #[test]
    fn every_setting_has_a_pattern_anchored_at_both_ends_and_is_there_once() {
        for (index, setting) in INVENTORY_SETTINGS.iter().enumerate() {
            let Accepted::Text { pattern, .. } = setting.accepted else {
                panic!("{setting:?}");
            };
            assert!(
                pattern.starts_with('^') && pattern.ends_with('$'),
                "{setting:?}"
            );
            let same = |other: &&Setting| other.variable == setting.variable;
            assert!(
                !INVENTORY_SETTINGS[..index]
                    .iter()
                    .copied()
                    .any(|other| same(&other))
            );
        }
    }

    #[test]
    fn only_the_variable_inventory_is_in_both_tables() {
        let both = INVENTORY_SETTINGS.iter().filter(|setting| {
            let mut others = SETTINGS.iter();
            others.any(|other| other.variable == setting.variable)
        });
        for setting in both {
            assert_eq!(setting.variable, "INVENTORY");
        }
    }
}
