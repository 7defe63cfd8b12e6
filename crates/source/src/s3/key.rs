//! Keys of objects: the choice of keys of flow logs, with account and region.
//!
//! ```text
//! <prefix>/AWSLogs/<account>/vpcflowlogs/<region>/<YYYY>/<MM>/<DD>/[<HH>/]<file>
//! <prefix>/AWSLogs/aws-account-id=<account>/aws-service=vpcflowlogs/aws-region=<region>/year=<YYYY>/.../<file>
//! file: <account>_vpcflowlogs_<region>_<flow log>_<time>_<hash>.log.gz (or .log.parquet)
//! ```
//!
//! Transit gateways deliver to the same path; the guide writes `service=` for `aws-service=`. The content decides what an
//! object is, unless the key names another service.
//!
//! Sources: Amazon VPC User Guide, "Flow log files"; AWS Transit Gateways Guide, "Transit Gateway Flow Logs records in
//! Amazon S3".

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::notice::{TriggerError, shown};

/// File written by CloudWatch Logs beside exports, to test the permission.
const EXPORT_TEST: &str = "aws-logs-write-test";

/// Folder behind the prefix, written by every service that delivers logs to a bucket.
const FOLDER: &str = "AWSLogs";

/// Name of the service in keys of flow logs, of VPCs and of transit gateways.
const SERVICE: &str = "vpcflowlogs";

/// Account, region, flow log, delivery stream and prefix of an object, as far as the key names them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFacts<'a> {
    /// Account, 12 digits.
    pub account: Option<&'a str>,
    /// Region, as in `eu-central-1`.
    pub region: Option<&'a str>,
    /// Flow log, as in `fl-1234abcd`.
    pub flow_log: Option<&'a str>,
    /// Firehose delivery stream that wrote the object.
    pub delivery_stream: Option<&'a str>,
    /// Prefix before `AWSLogs/`, without the last slash: empty if nothing stands there, `None` for a key with other folders.
    pub prefix: Option<&'a str>,
}

/// Returns true for an object that may be a flow log.
///
/// Below `AWSLogs/` only keys with the service of flow logs may be, because other services deliver there, too. Everywhere
/// else the content decides, and the key only excludes folder markers and the test file of an export.
pub fn may_be_a_flow_log(key: &str) -> bool {
    let is_log = match folders_behind_aws_logs(key) {
        Some(_) => account_service_region(key).is_some_and(|[_, service, _]| service == SERVICE),
        None => true,
    };
    is_log && !key.is_empty() && !key.ends_with('/') && file_name(key) != EXPORT_TEST
}

/// Reads the facts from a key.
pub fn key_facts(key: &str) -> KeyFacts<'_> {
    let file = file_name(key);
    let by_path = account_service_region(key).filter(|[_, service, _]| *service == SERVICE);
    let by_file = first_three(file.split('_')).filter(|[_, service, _]| *service == SERVICE);
    let of_both = |part: usize| {
        by_path
            .into_iter()
            .chain(by_file)
            .map(move |parts| parts[part])
    };
    let flow_log = by_file.and_then(|_| file.split('_').nth(3));
    KeyFacts {
        account: of_both(0).find(|account| is_account(account)),
        region: of_both(2).find(|region| !region.is_empty()),
        flow_log: flow_log.filter(|id| id.starts_with("fl-")),
        delivery_stream: delivery_stream(file),
        prefix: by_path.and_then(|_| prefix(key)),
    }
}

/// Delivery stream in the name of an object that Firehose wrote:
/// `<stream>-<version>-<yyyy>-<MM>-<dd>-<HH>-<mm>-<ss>-<uuid>[<suffix>]`.
///
/// Source: Amazon Data Firehose Developer Guide, "Configure Amazon S3 object name format".
fn delivery_stream(file: &str) -> Option<&str> {
    /// Lengths of the digits of a time.
    const TIME: [usize; 6] = [4, 2, 2, 2, 2, 2];
    /// Lengths of the hexadecimal digits of a UUID.
    const UUID: [usize; 5] = [8, 4, 4, 4, 12];
    let name = file.split_once('.').map_or(file, |(name, _)| name);
    // From the end: the parts of the UUID, those of the time, the version, and the stream, which may have hyphens.
    let mut parts = name.rsplitn(TIME.len() + UUID.len() + 2, '-');
    for length in UUID.into_iter().rev() {
        let is_hex = |octet: u8| octet.is_ascii_hexdigit();
        parts
            .next()
            .filter(|part| part.len() == length && part.bytes().all(is_hex))?;
    }
    for length in TIME.into_iter().rev() {
        parts
            .next()
            .filter(|part| part.len() == length && is_digits(part))?;
    }
    parts
        .next()
        .filter(|version| !version.is_empty() && is_digits(version))?;
    parts.next().filter(|stream| !stream.is_empty())
}

/// Part of a key before `AWSLogs/`, without the last slash.
fn prefix(key: &str) -> Option<&str> {
    let mut start = 0;
    for folder in key.split('/') {
        if folder == FOLDER {
            return Some(key[..start].trim_end_matches('/'));
        }
        start += folder.len() + 1;
    }
    None
}

fn file_name(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, file)| file)
}

/// Folders of a key behind `AWSLogs/`.
fn folders_behind_aws_logs(key: &str) -> Option<impl Iterator<Item = &str>> {
    let (path, _) = key.rsplit_once('/')?;
    let mut folders = path.split('/').skip_while(|folder| *folder != FOLDER);
    folders.next()?;
    Some(folders)
}

/// Account, service and region by the folders of the key: values alone, or `name=value`.
fn account_service_region(key: &str) -> Option<[&str; 3]> {
    let parts = first_three(folders_behind_aws_logs(key)?.map(value))?;
    is_account(parts[0]).then_some(parts)
}

fn first_three<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<[&'a str; 3]> {
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// `aws-region=eu-central-1` is `eu-central-1`.
fn value(part: &str) -> &str {
    part.split_once('=').map_or(part, |(_, value)| value)
}

/// Returns true for the number of an account: 12 digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && is_digits(text)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_digit())
}

/// Decodes a key from a notice of S3, where a space is `+` and many octets are `%` and two hexadecimal digits (also the `=`
/// of Hive-compatible paths).
///
/// # Errors
/// The decoded key is not UTF-8.
pub fn decoded(key: &str) -> Result<String, TriggerError> {
    let with_spaces = key.replace('+', " ");
    let decoded = percent_decode_str(&with_spaces).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| TriggerError::Key(shown(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "123456789012_vpcflowlogs_eu-central-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz";

    #[test]
    fn every_layout_names_account_and_region() {
        let both = KeyFacts {
            account: Some("123456789012"),
            region: Some("eu-central-1"),
            ..KeyFacts::default()
        };
        let all = KeyFacts {
            flow_log: Some("fl-1234abcd"),
            ..both
        };
        for (prefix, path) in [
            (
                "",
                "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2018/06/20",
            ),
            (
                "my/prefix",
                "my/prefix/AWSLogs/123456789012/vpcflowlogs/eu-central-1/2018/06/20/16",
            ),
            (
                "",
                "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2018/month=06/day=20",
            ),
            (
                "p",
                "p/AWSLogs/aws-account-id=123456789012/service=vpcflowlogs/aws-region=eu-central-1/year=2018/month=06/day=20/hour=16",
            ),
        ] {
            let prefix = Some(prefix);
            let (all, both) = (KeyFacts { prefix, ..all }, KeyFacts { prefix, ..both });
            assert_eq!(key_facts(&format!("{path}/{FILE}")), all, "{path}");
            assert_eq!(key_facts(&format!("{path}/flows.log.gz")), both, "{path}");
        }
        assert_eq!(key_facts(FILE), all, "moved, with its name");
    }

    #[test]
    fn a_key_of_another_kind_names_nobody() {
        for key in [
            "flows.log.gz",
            "AWSLogs/123456789012/elasticloadbalancing/eu-central-1/2018/06/20/x.log.gz",
            "AWSLogs/flows.log",
            "AWSLogs/account/vpcflowlogs//x.log",
            "a_b_c.log",
        ] {
            assert_eq!(key_facts(key), KeyFacts::default(), "{key}");
        }
    }

    #[test]
    fn an_object_of_firehose_names_its_stream() {
        const NAME: &str = "flow-logs-3-2026-11-28-10-15-04-0a1b2c3d-4e5f-6789-abcd-ef0123456789";
        for key in [
            format!("2026/11/28/10/{NAME}"),
            format!("prefix/{NAME}.gz"),
            NAME.to_owned(),
        ] {
            assert_eq!(key_facts(&key).delivery_stream, Some("flow-logs"), "{key}");
            assert!(may_be_a_flow_log(&key), "{key}");
        }
        for key in [
            &NAME[10..],
            &NAME[..NAME.len() - 1],
            &NAME.replace("-10-15", "-1x-15"),
            "flow-logs",
            "",
            FILE,
        ] {
            assert_eq!(key_facts(key).delivery_stream, None, "{key}");
        }
    }

    #[test]
    fn outside_of_aws_logs_content_decides() {
        for key in [
            FILE,
            "a.log.parquet",
            "exports/000000.gz",
            "flows",
            "2026/11/28/10/whatever",
            "a.json.gz",
            "a.csv",
            "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2018/06/20/x",
        ] {
            assert!(may_be_a_flow_log(key), "{key}");
        }
        for key in [
            "AWSLogs/",
            "folder/",
            "AWSLogs/aws-programmatic-access-test-object",
            "p/AWSLogs/123456789012/CloudTrail/eu-central-1/2018/06/20/a.json.gz",
            "AWSLogs/123456789012/Config/eu-central-1/2018/06/20/a.json.gz",
            "AWSLogs/123456789012/elasticloadbalancing/eu-central-1/2018/06/20/x.log.gz",
            "p/AWSLogs/123456789012/vpcdnsquerylogs/vpc-1/2018/06/20/x.log.gz",
            "exports/aws-logs-write-test",
            "",
        ] {
            assert!(!may_be_a_flow_log(key), "{key}");
        }
    }

    #[test]
    fn keys_are_decoded_as_s3_encodes_them() {
        for (encoded, key) in [
            ("a+b", "a b"),
            ("a%2Bb", "a+b"),
            ("year%3d2026", "year=2026"),
            ("%C3%BC", "\u{fc}"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
        ] {
            assert_eq!(decoded(encoded).as_deref(), Ok(key));
        }
        assert_eq!(decoded("%FF"), Err(TriggerError::Key("%FF".into())));
    }
}
