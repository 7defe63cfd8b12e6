//! IANA information elements exported by this product.
//!
//! Each constant is a row of the IANA registry "IPFIX Information Elements"; a test compares all constants with the rows
//! kept in `iana/elements.csv`. Templates and the field table refer to these constants, never to bare numbers.

/// Information element of the IANA registry (RFC 7012).
#[derive(Debug, PartialEq, Eq)]
pub struct InformationElement {
    /// InformationElement identifier, 1..=32767.
    pub id: u16,
    /// Name in the registry.
    pub name: &'static str,
    /// Abstract data type in the registry.
    pub data_type: &'static str,
    /// Octets in a template; smaller than the type's full size where reduced-size encoding (RFC 7011 §6.2) is always
    /// used, and the fixed length for strings.
    pub octets: u16,
}

macro_rules! elements {
    ($($constant:ident = $id:literal $name:ident $data_type:ident $octets:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` (", stringify!($id), ").")]
            pub const $constant: InformationElement =
                InformationElement { id: $id, name: stringify!($name), data_type: stringify!($data_type), octets: $octets };
        )*
        /// Every element above.
        pub const ALL: &[&InformationElement] = &[$(&$constant),*];
    };
}

elements! {
    OCTET_DELTA_COUNT = 1 octetDeltaCount unsigned64 8;
    PACKET_DELTA_COUNT = 2 packetDeltaCount unsigned64 8;
    PROTOCOL_IDENTIFIER = 4 protocolIdentifier unsigned8 1;
    TCP_CONTROL_BITS = 6 tcpControlBits unsigned16 1;
    SOURCE_TRANSPORT_PORT = 7 sourceTransportPort unsigned16 2;
    SOURCE_IPV4_ADDRESS = 8 sourceIPv4Address ipv4Address 4;
    INGRESS_INTERFACE = 10 ingressInterface unsigned32 4;
    DESTINATION_TRANSPORT_PORT = 11 destinationTransportPort unsigned16 2;
    DESTINATION_IPV4_ADDRESS = 12 destinationIPv4Address ipv4Address 4;
    EGRESS_INTERFACE = 14 egressInterface unsigned32 4;
    SOURCE_IPV6_ADDRESS = 27 sourceIPv6Address ipv6Address 16;
    DESTINATION_IPV6_ADDRESS = 28 destinationIPv6Address ipv6Address 16;
    FLOW_DIRECTION = 61 flowDirection unsigned8 1;
    INTERFACE_NAME = 82 interfaceName string 32;
    INTERFACE_DESCRIPTION = 83 interfaceDescription string 128;
    FORWARDING_STATUS = 89 forwardingStatus unsigned32 1;
    APPLICATION_DESCRIPTION = 94 applicationDescription string 64;
    APPLICATION_ID = 95 applicationId octetArray 4;
    APPLICATION_NAME = 96 applicationName string 24;
    EXPORTER_IPV4_ADDRESS = 130 exporterIPv4Address ipv4Address 4;
    EXPORTER_IPV6_ADDRESS = 131 exporterIPv6Address ipv6Address 16;
    DROPPED_PACKET_DELTA_COUNT = 133 droppedPacketDeltaCount unsigned64 8;
    EXPORTING_PROCESS_ID = 144 exportingProcessId unsigned32 4;
    TEMPLATE_ID = 145 templateId unsigned16 2;
    OBSERVATION_DOMAIN_ID = 149 observationDomainId unsigned32 4;
    FLOW_START_SECONDS = 150 flowStartSeconds dateTimeSeconds 4;
    FLOW_END_SECONDS = 151 flowEndSeconds dateTimeSeconds 4;
    FLOW_START_MILLISECONDS = 152 flowStartMilliseconds dateTimeMilliseconds 8;
    FLOW_END_MILLISECONDS = 153 flowEndMilliseconds dateTimeMilliseconds 8;
    NOT_SENT_FLOW_TOTAL_COUNT = 166 notSentFlowTotalCount unsigned64 8;
    NOT_SENT_PACKET_TOTAL_COUNT = 167 notSentPacketTotalCount unsigned64 8;
    NOT_SENT_OCTET_TOTAL_COUNT = 168 notSentOctetTotalCount unsigned64 8;
    FLOW_KEY_INDICATOR = 173 flowKeyIndicator unsigned64 8;
    POST_NAT_SOURCE_IPV4_ADDRESS = 225 postNATSourceIPv4Address ipv4Address 4;
    POST_NAT_DESTINATION_IPV4_ADDRESS = 226 postNATDestinationIPv4Address ipv4Address 4;
    INGRESS_VRF_ID = 234 ingressVRFID unsigned32 4;
    EGRESS_VRF_ID = 235 egressVRFID unsigned32 4;
    VRF_NAME = 236 VRFname string 128;
    INGRESS_PHYSICAL_INTERFACE = 252 ingressPhysicalInterface unsigned32 4;
    EGRESS_PHYSICAL_INTERFACE = 253 egressPhysicalInterface unsigned32 4;
    POST_NAT_SOURCE_IPV6_ADDRESS = 281 postNATSourceIPv6Address ipv6Address 16;
    POST_NAT_DESTINATION_IPV6_ADDRESS = 282 postNATDestinationIPv6Address ipv6Address 16;
    OBSERVATION_DOMAIN_NAME = 300 observationDomainName string 64;
    SAMPLING_PACKET_INTERVAL = 305 samplingPacketInterval unsigned32 4;
    SAMPLING_PACKET_SPACE = 306 samplingPacketSpace unsigned32 4;
    OBSERVATION_TIME_SECONDS = 322 observationTimeSeconds dateTimeSeconds 4;
    OBSERVATION_TIME_MILLISECONDS = 323 observationTimeMilliseconds dateTimeMilliseconds 8;
    VIRTUAL_STATION_NAME = 350 virtualStationName string 32;
    INTERMEDIATE_PROCESS_ID = 406 intermediateProcessId unsigned32 4;
    IGNORED_DATA_RECORD_TOTAL_COUNT = 407 ignoredDataRecordTotalCount unsigned64 8;
}

#[cfg(test)]
mod tests {
    use super::ALL;

    const REGISTRY: &str = include_str!("../../iana/elements.csv");

    #[test]
    fn every_element_is_the_registrys_with_its_name_and_type() {
        for element in ALL {
            let prefix = format!("{},{},{},", element.id, element.name, element.data_type);
            assert!(
                REGISTRY.lines().any(|row| row.starts_with(&prefix)),
                "not in the registry: {prefix}"
            );
        }
    }

    #[test]
    fn the_kept_registry_rows_are_the_used_ones_only() {
        let ids: Vec<u16> = REGISTRY
            .lines()
            .skip(1)
            .filter_map(|row| row.split(',').next()?.parse().ok())
            .collect();
        assert_eq!(
            ids,
            ALL.iter().map(|element| element.id).collect::<Vec<_>>()
        );
    }

    #[test]
    fn no_element_is_larger_than_its_type_allows() {
        for element in ALL {
            let full = match element.data_type {
                "unsigned8" => 1,
                "unsigned16" => 2,
                "unsigned32" | "ipv4Address" | "dateTimeSeconds" => 4,
                "unsigned64" | "dateTimeMilliseconds" => 8,
                "ipv6Address" => 16,
                "string" | "octetArray" => 128,
                other => panic!("{other} is no type that is used here"),
            };
            assert!(element.octets <= full, "{}", element.name);
        }
    }
}
