//! Settings of the inventory function, checked.

use std::env;

use flowlogs_core::settings::inventory::{
    ACCOUNTS, EXTERNAL_ID, INVENTORY, INVENTORY_SETTINGS, MEMBER_ROLE, REGIONS,
};
use flowlogs_source::s3::is_account;

use crate::config::{InventoryLocation, RawConfig, SettingError, SettingValue};

/// Most accounts or regions of a list.
const LONGEST_LIST: usize = 10_000;

/// Everything that is decided at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryConfig {
    /// Accounts to ask.
    pub accounts: AccountSource,
    /// Regions to ask; at least one.
    pub regions: Vec<String>,
    /// Path and name of the role in each account.
    pub member_role: String,
    /// External id of that role.
    pub external_id: String,
    /// Bucket and prefix of the inventory.
    pub location: InventoryLocation,
}

/// Source of the accounts to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSource {
    /// Accounts that `ACCOUNTS` lists.
    List(Vec<String>),
    /// AWS Organizations.
    Organization,
}

impl InventoryConfig {
    /// Checks every setting; `own_region` is the region of the function.
    ///
    /// # Errors
    ///
    /// The first wrong setting, in the order of the table.
    pub fn new(raw: &RawConfig, own_region: Option<&str>) -> Result<Self, SettingError> {
        Ok(Self {
            accounts: accounts(raw.value(&ACCOUNTS))?,
            regions: regions(raw.value(&REGIONS), own_region)?,
            member_role: checked(raw.value(&MEMBER_ROLE), is_role)?,
            external_id: checked(raw.value(&EXTERNAL_ID), is_external_id)?,
            location: raw.value(&INVENTORY).parsed()?,
        })
    }
}

/// Environment of the inventory function: settings, name and region.
#[derive(Debug)]
pub struct InventoryEnvironment {
    pub(super) config: InventoryConfig,
    pub(super) function_name: String,
    pub(super) region: String,
}

impl InventoryEnvironment {
    /// Reads the environment of the process; outside of Lambda a function has the name of the program.
    ///
    /// # Errors
    ///
    /// The first wrong setting.
    pub fn from_process(program: &str) -> Result<Self, SettingError> {
        let variable = |name: &str| env::var(name).ok();
        let region = variable("AWS_REGION");
        let raw = RawConfig::read_table(INVENTORY_SETTINGS, variable);
        Ok(Self {
            config: InventoryConfig::new(&raw, region.as_deref())?,
            function_name: variable("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or_else(|| program.to_owned()),
            region: region.unwrap_or_default(),
        })
    }
}

/// Elements of a list, sorted, each once.
fn list(
    value: &SettingValue,
    is_right: impl Fn(&str) -> bool,
) -> Result<Vec<String>, SettingError> {
    let elements = value.text().split(',').map(str::trim);
    let mut list: Vec<String> = elements.map(str::to_owned).collect();
    if list.len() > LONGEST_LIST || !list.iter().all(|element| is_right(element)) {
        return Err(value.wrong());
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

fn accounts(value: &SettingValue) -> Result<AccountSource, SettingError> {
    if value.text() == "organization" {
        return Ok(AccountSource::Organization);
    }
    list(value, is_account).map(AccountSource::List)
}

fn regions(value: &SettingValue, own: Option<&str>) -> Result<Vec<String>, SettingError> {
    match (value.optional(), own) {
        (Some(_), _) => list(value, is_region),
        (None, Some(own)) => Ok(vec![own.to_owned()]),
        (None, None) => Err(value.wrong()),
    }
}

/// Returns true for a region in the form of the settings table: words of letters and a number, as in `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let is_word =
        |part: &&str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_lowercase());
    let is_number =
        |part: &str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [words @ .., number]
        if words.len() >= 2 && words.iter().all(is_word) && is_number(number))
}

/// Returns true for path and name of a role, without a slash at the beginning: the name has at most 64 characters.
fn is_role(text: &str) -> bool {
    let is_right = |part: &str| !part.is_empty() && has_only(part, "_+=,.@-");
    let name = text.rsplit('/').next().unwrap_or_default();
    name.len() <= 64 && text.split('/').all(is_right)
}

/// Returns true for an external id of 2 to 1,224 characters.
fn is_external_id(text: &str) -> bool {
    (2..=1_224).contains(&text.len()) && has_only(text, "+=,.@:/_-")
}

/// Text of a setting for which `is_right` holds.
fn checked(value: &SettingValue, is_right: impl Fn(&str) -> bool) -> Result<String, SettingError> {
    match is_right(value.text()) {
        true => Ok(value.text().to_owned()),
        false => Err(value.wrong()),
    }
}

/// Returns true for a text of letters, digits and the given characters.
fn has_only(text: &str, also: &str) -> bool {
    let is_right = |character: char| character.is_ascii_alphanumeric() || also.contains(character);
    text.chars().all(is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: [(&str, &str); 4] = [
        ("ACCOUNTS", "222222222222, 111111111111,222222222222"),
        ("REGIONS", "eu-central-1,us-gov-west-1"),
        ("EXTERNAL_ID", "flows-7"),
        ("INVENTORY", "s3://inventory/of/us/"),
    ];

    fn config(changed: &[(&str, &str)]) -> Result<InventoryConfig, String> {
        let given = |name: &str| {
            let mut all = changed.iter().chain(&RIGHT);
            let found = all.find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let raw = RawConfig::read_table(INVENTORY_SETTINGS, given);
        InventoryConfig::new(&raw, Some("eu-west-1")).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_are_read_as_lists_and_a_place() {
        let config = config(&[]).expect("right settings");
        let accounts = ["111111111111", "222222222222"].map(str::to_owned);
        assert_eq!(config.accounts, AccountSource::List(accounts.to_vec()));
        assert_eq!(config.regions, ["eu-central-1", "us-gov-west-1"]);
        assert_eq!(config.member_role, "flow-logs-transcoder/flowlogs-member");
        let InventoryLocation { bucket, prefix } = config.location;
        assert_eq!((bucket.as_str(), prefix.as_str()), ("inventory", "of/us"));
    }

    #[test]
    fn without_regions_the_functions_own_is_asked_and_an_organization_is_a_word() {
        let given = [("REGIONS", ""), ("ACCOUNTS", "organization")];
        let config = config(&given).expect("right settings");
        assert_eq!(config.regions, ["eu-west-1"]);
        assert_eq!(config.accounts, AccountSource::Organization);
    }

    #[test]
    fn every_setting_refuses_a_wrong_value_in_one_line_that_names_it() {
        for (variable, wrong) in [
            ("ACCOUNTS", ""),
            ("ACCOUNTS", "12345"),
            ("ACCOUNTS", "111111111111,"),
            ("REGIONS", "Frankfurt"),
            ("REGIONS", "x-y"),
            ("REGIONS", "eu-central-1,eu--1"),
            ("MEMBER_ROLE", "/role"),
            ("MEMBER_ROLE", "a//role"),
            ("MEMBER_ROLE", "a role"),
            ("EXTERNAL_ID", ""),
            ("EXTERNAL_ID", "x"),
            ("INVENTORY", ""),
            ("INVENTORY", "ec2"),
            ("INVENTORY", "s3://B"),
        ] {
            let error = config(&[(variable, wrong)]).expect_err(wrong);
            assert!(
                error.starts_with(variable)
                    && error.contains(": expected ")
                    && !error.contains('\n'),
                "{error}"
            );
        }
    }
}
