//! The AWS services of both ends as an IPFIX application (95): engine 6 (user-defined, RFC 6759 §4.1) and a 24-bit selector
//! with 12 bits for each end.
//!
//! Documented services have fixed codes; a code never changes its service. Other services are hashed into the rest of the
//! 12 bits; the application table names both in any case.

use crate::identity::fnv1a;

/// Documented service codes; the code is the position, from 1. New codes go to the end.
const SERVICES: [&str; 26] = [
    "AMAZON",
    "AMAZON_APPFLOW",
    "AMAZON_CONNECT",
    "API_GATEWAY",
    "AURORA_DSQL",
    "CHIME_MEETINGS",
    "CHIME_VOICECONNECTOR",
    "CLOUD9",
    "CLOUDFRONT",
    "CLOUDFRONT_ORIGIN_FACING",
    "CODEBUILD",
    "DYNAMODB",
    "EBS",
    "EC2",
    "EC2_INSTANCE_CONNECT",
    "GLOBALACCELERATOR",
    "IVS_LOW_LATENCY",
    "IVS_REALTIME",
    "KINESIS_VIDEO_STREAMS",
    "MEDIA_PACKAGE_V2",
    "ROUTE53",
    "ROUTE53_HEALTHCHECKS",
    "ROUTE53_HEALTHCHECKS_PUBLISHING",
    "ROUTE53_RESOLVER",
    "S3",
    "WORKSPACES_GATEWAYS",
];

/// First code of services outside the list.
const FIRST_HASHED: u32 = 256;

/// applicationId (95) of the services of both ends.
pub(crate) fn application_id(source: Option<&[u8]>, destination: Option<&[u8]>) -> u32 {
    6 << 24 | code(source) << 12 | code(destination)
}

/// applicationName (96) and applicationDescription (94).
pub(crate) fn names(source: Option<&[u8]>, destination: Option<&[u8]>) -> (String, String) {
    let name = |service: Option<&[u8]>| {
        service.map_or("-".into(), |service| {
            String::from_utf8_lossy(service).into_owned()
        })
    };
    let (source, destination) = (name(source), name(destination));
    (
        format!("{source}>{destination}"),
        format!("from {source} to {destination}"),
    )
}

fn code(service: Option<&[u8]>) -> u32 {
    let Some(service) = service else { return 0 };
    match SERVICES
        .iter()
        .position(|known| known.as_bytes() == service)
    {
        Some(index) => u32::try_from(index + 1).unwrap_or(0),
        None => {
            FIRST_HASHED
                + u32::try_from(fnv1a(service) % u64::from(4_096 - FIRST_HASHED)).unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_have_twelve_bits_behind_engine_six() {
        assert_eq!(application_id(Some(b"AMAZON"), None), 0x0600_1000);
        assert_eq!(
            application_id(None, Some(b"WORKSPACES_GATEWAYS")),
            0x0600_001a
        );
        let unknown = application_id(Some(b"NEXT_YEARS_SERVICE"), Some(b"S3"));
        assert_eq!(unknown & 0xfff, 25);
        assert!((FIRST_HASHED..4_096).contains(&(unknown >> 12 & 0xfff)));
        assert_eq!(
            names(Some(b"S3"), None),
            ("S3>-".into(), "from S3 to -".into())
        );
    }
}
