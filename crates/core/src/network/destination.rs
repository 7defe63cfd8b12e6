//! Destination of a flow log: a log group, a bucket with a prefix, or a delivery stream.
//!
//! A record comes from a destination, and is judged by the flow logs of this destination alone: a bucket may have the name
//! of a log group, and two accounts may have log groups of equal name.

use std::fmt;

/// Kind of a [`Destination`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DestinationKind {
    /// Log group of CloudWatch Logs.
    LogGroup,
    /// Bucket of S3.
    Bucket,
    /// Delivery stream of Data Firehose.
    DeliveryStream,
}

/// Place of delivery of flow logs.
///
/// ```
/// use flowlogs_core::network::Destination;
///
/// let flow_logs = Destination::of_arn("arn:aws:logs:eu-central-1:123456789012:log-group:flows:*").unwrap();
/// assert!(flow_logs.agrees_with(&Destination::log_group("flows")), "account and region are unknown");
/// assert!(!flow_logs.agrees_with(&Destination::log_group("flows").in_account(Some("210987654321"))));
/// assert!(!flow_logs.agrees_with(&Destination::bucket("flows")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Kind.
    pub kind: DestinationKind,
    /// Account of 12 digits, if known; never of a bucket, because the name of a bucket is unique.
    pub account: Option<Box<str>>,
    /// Region, if known; never of a bucket.
    pub region: Option<Box<str>>,
    /// Name.
    pub name: Box<str>,
    /// Prefix of a bucket, without the slash at the end, if known; empty for none.
    pub prefix: Option<Box<str>>,
}

impl Destination {
    /// Log group by name.
    pub fn log_group(name: &str) -> Self {
        Self::named(DestinationKind::LogGroup, name)
    }

    /// Bucket by name; the prefix is unknown.
    pub fn bucket(name: &str) -> Self {
        Self::named(DestinationKind::Bucket, name)
    }

    /// Delivery stream by name.
    pub fn delivery_stream(name: &str) -> Self {
        Self::named(DestinationKind::DeliveryStream, name)
    }

    fn named(kind: DestinationKind, name: &str) -> Self {
        Self {
            kind,
            account: None,
            region: None,
            name: name.into(),
            prefix: None,
        }
    }

    /// Sets the account; a bucket stays unchanged.
    #[must_use]
    pub fn in_account(mut self, account: Option<&str>) -> Self {
        if self.kind != DestinationKind::Bucket {
            self.account = account.map(Box::from);
        }
        self
    }

    /// Sets the region; a bucket stays unchanged.
    #[must_use]
    pub fn in_region(mut self, region: Option<&str>) -> Self {
        if self.kind != DestinationKind::Bucket {
            self.region = region.map(Box::from);
        }
        self
    }

    /// Sets the prefix of a bucket; slashes at both ends are ignored. Log groups and delivery streams stay unchanged.
    #[must_use]
    pub fn with_prefix(mut self, prefix: Option<&str>) -> Self {
        if self.kind == DestinationKind::Bucket {
            self.prefix = prefix.map(|prefix| prefix.trim_matches('/').into());
        }
        self
    }

    /// Destination of an ARN of CloudWatch Logs, S3 or Firehose; `None` for any other text.
    pub fn of_arn(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (_partition, service) = (parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let named = match service {
            "logs" => {
                let name = resource.strip_prefix("log-group:")?;
                // A colon is in no name of a log group.
                Self::log_group(name.split(':').next()?)
            }
            "s3" => {
                let (name, prefix) = resource.split_once('/').unwrap_or((resource, ""));
                Self::bucket(name).with_prefix(Some(prefix))
            }
            "firehose" => Self::delivery_stream(resource.strip_prefix("deliverystream/")?),
            _ => return None,
        };
        let not_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(
            named
                .in_account(not_empty(account).as_deref())
                .in_region(not_empty(region).as_deref()),
        )
    }

    /// Returns whether both can be the same destination: an unknown account, region or prefix agrees with any.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let agree = |one: &Option<Box<str>>, other: &Option<Box<str>>| {
            one.is_none() || other.is_none() || one == other
        };
        self.kind == other.kind
            && self.name == other.name
            && agree(&self.account, &other.account)
            && agree(&self.region, &other.region)
            && agree(&self.prefix, &other.prefix)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DestinationKind::LogGroup => "log group",
            DestinationKind::Bucket => "bucket",
            DestinationKind::DeliveryStream => "delivery stream",
        };
        write!(f, "{kind} {}", self.name)?;
        match self.prefix.as_deref() {
            Some(prefix) if !prefix.is_empty() => write!(f, "/{prefix}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_all_three_services_are_read_and_others_are_not() {
        let logs = Destination::log_group("/aws/vpc/flows")
            .in_account(Some("123456789012"))
            .in_region(Some("eu-central-1"));
        for end in ["", ":*"] {
            let arn =
                format!("arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vpc/flows{end}");
            assert_eq!(Destination::of_arn(&arn).as_ref(), Some(&logs));
        }
        for (arn, prefix) in [
            ("arn:aws-cn:s3:::bucket", ""),
            ("arn:aws:s3:::bucket/a/b/", "a/b"),
        ] {
            let bucket = Destination::bucket("bucket").with_prefix(Some(prefix));
            assert_eq!(Destination::of_arn(arn), Some(bucket));
        }
        let stream = Destination::delivery_stream("flows")
            .in_account(Some("1"))
            .in_region(Some("eu-central-1"));
        assert_eq!(
            Destination::of_arn("arn:aws:firehose:eu-central-1:1:deliverystream/flows"),
            Some(stream)
        );
        for other in [
            "",
            "flows",
            "arn:aws",
            "arn:aws:sqs:eu-central-1:1:queue",
            "arn:aws:logs:r:1:x",
        ] {
            assert_eq!(Destination::of_arn(other), None, "{other}");
        }
    }

    #[test]
    fn an_unknown_part_agrees_with_any_and_a_known_one_with_its_like() {
        let group = Destination::log_group("flows");
        let here = group.clone().in_account(Some("1")).in_region(Some("r"));
        assert!(group.agrees_with(&here) && here.agrees_with(&group));
        for other in [
            here.clone().in_account(Some("2")),
            here.clone().in_region(Some("s")),
            Destination::log_group("others"),
            Destination::bucket("flows"),
            Destination::delivery_stream("flows"),
        ] {
            assert!(!here.agrees_with(&other), "{other:?}");
        }
        let bucket = |prefix| Destination::bucket("flows").with_prefix(prefix);
        assert!(bucket(None).agrees_with(&bucket(Some("a"))));
        assert!(bucket(Some("a/")).agrees_with(&bucket(Some("/a"))));
        assert!(!bucket(Some("a")).agrees_with(&bucket(Some("b"))));
        assert!(!bucket(Some("a")).agrees_with(&bucket(Some(""))));
    }

    #[test]
    fn a_destination_is_shown_with_its_kind_and_the_prefix_if_any() {
        let bucket = |prefix| Destination::bucket("flows").with_prefix(prefix);
        for (destination, shown) in [
            (Destination::log_group("/vpc/flows"), "log group /vpc/flows"),
            (
                Destination::delivery_stream("flows"),
                "delivery stream flows",
            ),
            (bucket(None), "bucket flows"),
            (bucket(Some("")), "bucket flows"),
            (bucket(Some("a/b")), "bucket flows/a/b"),
        ] {
            assert_eq!(destination.to_string(), shown);
        }
    }
}
