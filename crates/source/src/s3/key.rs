//! Keys of objects: which ones may be flow logs, and of which account and region.
//!
//! ```text
//! <prefix>/AWSLogs/<account>/vpcflowlogs/<region>/<YYYY>/<MM>/<DD>/[<HH>/]<file>
//! <prefix>/AWSLogs/aws-account-id=<account>/aws-service=vpcflowlogs/aws-region=<region>/year=<YYYY>/.../<file>
//! file: <account>_vpcflowlogs_<region>_<flow log>_<time>_<hash>.log.gz (or .log.parquet)
//! ```
//!
//! Transit gateways deliver to the same path; their guide writes `service=` for `aws-service=`. The content decides what an
//! object is, unless the key names another service.
//!
//! Sources: Amazon VPC User Guide, "Flow log files"; AWS Transit Gateways Guide, "Transit Gateway Flow Logs records in
//! Amazon S3".

use super::notice::TriggerError;

/// Ends of keys that can be flow logs: those that AWS gives, and those of a copy, of an export of CloudWatch Logs, or of a
/// query engine.
const SUFFIXES: [&str; 4] = [".gz", ".parquet", ".log", ".txt"];

/// The end that CloudTrail and Config give, which may share the bucket.
const NEVER: &str = ".json.gz";

/// Folder behind the prefix, written by every service that delivers logs to a bucket.
const FOLDER: &str = "AWSLogs";

/// Service of flow logs, also of transit gateways.
const SERVICE: &str = "vpcflowlogs";

/// Account and region that a key names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyOwner<'a> {
    /// 12 digits.
    pub account: Option<&'a str>,
    /// As in `eu-central-1`.
    pub region: Option<&'a str>,
}

/// Whether the object may be a flow log: by the end of its key, and because the key does not name another service.
pub fn may_be_a_flow_log(key: &str) -> bool {
    let has_suffix = SUFFIXES.iter().any(|suffix| key.ends_with(suffix)) && !key.ends_with(NEVER);
    let is_of_another = layout(key).is_some_and(|[_, service, _]| service != SERVICE);
    has_suffix && !is_of_another
}

/// Reads account and region from a key.
pub fn owner(key: &str) -> KeyOwner<'_> {
    let file = key.rsplit_once('/').map_or(key, |(_, file)| file);
    let by_path = layout(key).filter(|[_, service, _]| *service == SERVICE);
    let by_file = first_three(file.split('_')).filter(|[_, service, _]| *service == SERVICE);
    let of_both = |part: usize| {
        by_path
            .into_iter()
            .chain(by_file)
            .map(move |parts| parts[part])
    };
    KeyOwner {
        account: of_both(0).find(|account| is_account(account)),
        region: of_both(2).find(|region| !region.is_empty()),
    }
}

/// Account, service and region by the folders of the key: values alone, or `name=value`.
fn layout(key: &str) -> Option<[&str; 3]> {
    let (path, _) = key.rsplit_once('/')?;
    let mut folders = path.split('/').skip_while(|folder| *folder != FOLDER);
    folders.next()?;
    let parts = first_three(folders.map(value))?;
    is_account(parts[0]).then_some(parts)
}

fn first_three<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<[&'a str; 3]> {
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// `aws-region=eu-central-1` is `eu-central-1`.
fn value(part: &str) -> &str {
    part.split_once('=').map_or(part, |(_, value)| value)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// Decodes a key from a notice of S3, where a space is `+` and many octets are `%` and two hexadecimal digits (also the `=`
/// of Hive-compatible paths).
///
/// # Errors
/// The decoded key is not UTF-8.
pub fn decoded(key: &str) -> Result<String, TriggerError> {
    let mut octets = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |place: usize| char::from(*after.get(place)?).to_digit(16);
        let code = (first == b'%')
            .then(|| Some(hex(0)? * 16 + hex(1)?))
            .flatten();
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8(octets).map_err(|_| TriggerError::Key(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "123456789012_vpcflowlogs_eu-central-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz";

    #[test]
    fn every_layout_names_account_and_region() {
        let both = KeyOwner {
            account: Some("123456789012"),
            region: Some("eu-central-1"),
        };
        for path in [
            "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2018/06/20",
            "my/prefix/AWSLogs/123456789012/vpcflowlogs/eu-central-1/2018/06/20/16",
            "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2018/month=06/day=20",
            "p/AWSLogs/aws-account-id=123456789012/service=vpcflowlogs/aws-region=eu-central-1/year=2018/month=06/day=20/hour=16",
        ] {
            assert_eq!(owner(&format!("{path}/{FILE}")), both, "{path}");
            assert_eq!(owner(&format!("{path}/flows.log.gz")), both, "{path}");
        }
        assert_eq!(owner(FILE), both, "moved, with its name");
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
            assert_eq!(owner(key), KeyOwner::default(), "{key}");
        }
    }

    #[test]
    fn objects_that_cannot_be_flow_logs_are_told_by_their_keys() {
        for key in [
            FILE,
            "a.log.parquet",
            "exports/000000.gz",
            "flows.log",
            "flows.txt",
        ] {
            assert!(may_be_a_flow_log(key), "{key}");
        }
        for key in [
            "AWSLogs/",
            "AWSLogs/aws-programmatic-access-test-object",
            "a.json.gz",
            "AWSLogs/123456789012/elasticloadbalancing/eu-central-1/2018/06/20/x.log.gz",
            "p/AWSLogs/123456789012/vpcdnsquerylogs/vpc-1/2018/06/20/x.log.gz",
            "a.csv",
            "_SUCCESS",
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
