//! Location of an inventory in S3: the value `s3://bucket/prefix` of `INVENTORY`, for the readers and the writer.

use std::str::FromStr;

/// Bucket of an inventory, and prefix of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryLocation {
    /// Bucket.
    pub bucket: String,
    /// Prefix of the keys, without a slash at either end; empty for none.
    pub prefix: String,
}

/// Text that is no URL of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotALocation;

impl InventoryLocation {
    /// Key of an object, given the path below the prefix.
    pub fn key(&self, path: &str) -> String {
        match self.prefix.as_str() {
            "" => path.to_owned(),
            prefix => format!("{prefix}/{path}"),
        }
    }
}

impl FromStr for InventoryLocation {
    type Err = NotALocation;

    /// Reads `s3://bucket` or `s3://bucket/prefix`.
    fn from_str(url: &str) -> Result<Self, NotALocation> {
        let rest = url.strip_prefix("s3://").ok_or(NotALocation)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let may_stand_in_name = |octet: u8| {
            octet.is_ascii_lowercase() || octet.is_ascii_digit() || b".-".contains(&octet)
        };
        let is_bucket = (3..=63).contains(&bucket.len()) && bucket.bytes().all(may_stand_in_name);
        let is_prefix = prefix.len() <= 512 && !prefix.chars().any(char::is_control);
        match is_bucket && is_prefix {
            true => Ok(Self {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            }),
            false => Err(NotALocation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_a_bucket_and_perhaps_a_prefix() {
        for (url, bucket, key) in [
            ("s3://inventory", "inventory", "manifest"),
            ("s3://inventory/", "inventory", "manifest"),
            ("s3://my.bucket-1/of/us/", "my.bucket-1", "of/us/manifest"),
        ] {
            let location: InventoryLocation = url.parse().expect(url);
            assert_eq!(location.bucket, bucket);
            assert_eq!(location.key("manifest"), key);
        }
        for wrong in [
            "inventory",
            "s3://",
            "s3://Bucket",
            "s3:///prefix",
            "s3://bu/x",
            "s3://bucket/a\nb",
        ] {
            assert_eq!(
                wrong.parse::<InventoryLocation>(),
                Err(NotALocation),
                "{wrong}"
            );
        }
    }
}
