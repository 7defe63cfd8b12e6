//! Flows as JSON, an object a line: IANA element names as keys, names of interfaces and VRFs beside numbers.

use std::io::{self, Write};

use flowlogs_core::ipfix::element as e;

use crate::decode::{DecodedFlow, DecodedValue, ElementId, KnownInterface};
use crate::text::visible_json;

/// Writes a flow and a line end.
pub(crate) fn write(out: &mut impl Write, flow: &DecodedFlow<'_>) -> io::Result<()> {
    let names = flow.names;
    let mut object = JsonObject::open(out)?;
    let domain = DecodedValue::Number(names.domain.into());
    object.member(e::OBSERVATION_DOMAIN_ID.name, &domain)?;
    object.name(
        e::OBSERVATION_DOMAIN_NAME.name,
        names.domain_name.as_deref(),
    )?;
    for (id, value) in flow.fields {
        let is_first = object.member(&id.to_string(), value)?;
        let ElementId::Iana(id) = *id else { continue };
        if !is_first {
            continue;
        }
        let index = value.number().unwrap_or_default();
        match (id, value) {
            (10, _) => object.interface("ingressInterface", names.interface(index))?,
            (14, _) => object.interface("egressInterface", names.interface(index))?,
            (252, _) => object.interface("ingressPhysicalInterface", names.interface(index))?,
            (253, _) => object.interface("egressPhysicalInterface", names.interface(index))?,
            (234, _) => object.name("ingressVRFname", names.vrf(index))?,
            (235, _) => object.name("egressVRFname", names.vrf(index))?,
            (95, DecodedValue::Application(engine, selector)) => {
                let name = names.application(*engine, *selector);
                object.name(e::APPLICATION_NAME.name, name)?;
            }
            _ => {}
        }
    }
    object.close()
}

/// JSON object under construction. Of a repeated key the first value is kept, as in the table: foreign exporters may repeat
/// an element, in the order of its treatment (RFC 7011 §8), and names are those of the first value.
struct JsonObject<'a, W: Write> {
    out: &'a mut W,
    keys: Vec<String>,
}

impl<'a, W: Write> JsonObject<'a, W> {
    fn open(out: &'a mut W) -> io::Result<Self> {
        out.write_all(b"{")?;
        let keys = Vec::with_capacity(32);
        Ok(Self { out, keys })
    }

    /// Writes a key, unless already there; returns whether the value must follow.
    fn key(&mut self, key: &str) -> io::Result<bool> {
        if self.keys.iter().any(|known| known == key) {
            return Ok(false);
        }
        if !self.keys.is_empty() {
            self.out.write_all(b",")?;
        }
        self.keys.push(key.to_owned());
        string(self.out, key)?;
        self.out.write_all(b":")?;
        Ok(true)
    }

    /// Writes a key and a value, unless the key is already there; returns whether both were written.
    fn member(&mut self, key: &str, value: &DecodedValue) -> io::Result<bool> {
        if !self.key(key)? {
            return Ok(false);
        }
        match value {
            DecodedValue::Number(number) => write!(self.out, "{number}")?,
            DecodedValue::Float(number) if number.is_finite() => write!(self.out, "{number}")?,
            other => string(self.out, &other.to_string())?,
        }
        Ok(true)
    }

    fn name(&mut self, key: &str, name: Option<&str>) -> io::Result<()> {
        match name {
            Some(name) if self.key(key)? => string(self.out, name),
            _ => Ok(()),
        }
    }

    /// Writes name and description of an interface; a description that only repeats the name is left out.
    fn interface(&mut self, element: &str, known: Option<&KnownInterface>) -> io::Result<()> {
        let Some(known) = known else { return Ok(()) };
        self.name(&format!("{element}Name"), Some(&known.name))?;
        let description = Some(known.description.as_str());
        let new = description.filter(|text| !text.is_empty() && *text != known.name);
        self.name(&format!("{element}Description"), new)
    }

    fn close(self) -> io::Result<()> {
        self.out.write_all(b"}\n")
    }
}

fn string(out: &mut impl Write, text: &str) -> io::Result<()> {
    let json = serde_json::to_string(text)?;
    out.write_all(visible_json(&json).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{DecodeError, MessageDecoder};
    use crate::testing::message;
    use flowlogs_core::mapping::MappingSettings;

    #[test]
    fn of_an_element_twice_the_first_value_and_its_names_are_there_once() {
        // Interface 6 has a name, and interface 5 has none.
        let mut name = vec![3, 18, 256, 2, 1, 10, 4, 82, 4];
        name.extend([256, 12, 0, 6, 0x7765, 0x6236]);
        // Both interfaces twice, a port twice, the domain.
        let mut flow = vec![
            2, 36, 300, 7, 10, 4, 10, 4, 14, 4, 14, 4, 7, 2, 7, 2, 149, 4,
        ];
        flow.extend([300, 28, 0, 5, 0, 6, 0, 6, 0, 5, 53, 443, 0, 9]);
        let mut decoder = MessageDecoder::default();
        let mut out = Vec::new();
        for message in [message(7, &name), message(7, &flow)] {
            let decoded = decoder.decode(&message, |flow| {
                write(&mut out, flow).expect("into memory");
                Ok::<_, DecodeError>(())
            });
            assert_eq!(decoded, Ok(()));
        }
        let expected = "{\"observationDomainId\":7,\"ingressInterface\":5,\"egressInterface\":6,\
            \"egressInterfaceName\":\"web6\",\"sourceTransportPort\":53}\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn a_flow_is_an_object_with_registered_names_and_resolved_numbers() {
        let format = "${account-id} ${region} ${interface-id} ${vpc-id} ${srcaddr} ${dstaddr} ${protocol} ${bytes} \
            ${start} ${end} ${action} ${flow-direction} ${pkt-src-aws-service}";
        let line = "123456789012 eu-central-1 eni-1 vpc-1 10.0.0.1 2001:db8::1 6 9019431364352 1418530010 1418530070 \
            REJECT egress S3";
        let mut out = Vec::new();
        crate::testing::flows(MappingSettings::default(), format, &[line], |flow| {
            write(&mut out, flow).expect("into memory");
        });
        let object: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let wanted = serde_json::json!({
            "observationDomainId": 2_093_371_096,
            "observationDomainName": "123456789012/eu-central-1",
            "flowStartMilliseconds": "2014-12-14T04:06:50.000Z",
            "flowEndMilliseconds": "2014-12-14T04:07:50.000Z",
            "sourceIPv4Address": "10.0.0.1",
            "destinationIPv6Address": "2001:db8::1",
            "protocolIdentifier": 6,
            "octetDeltaCount": 9_019_431_364_352_u64,
            "ingressInterface": 2,
            "ingressInterfaceName": "REJECT",
            "egressInterface": flowlogs_core::identity(b"eni-1"),
            "egressInterfaceName": "eni-1",
            "ingressVRFID": flowlogs_core::identity(b"vpc-1"),
            "ingressVRFname": "vpc-1",
            "egressVRFID": flowlogs_core::identity(b"vpc-1"),
            "egressVRFname": "vpc-1",
            "flowDirection": 1,
            "forwardingStatus": 128,
            "applicationId": "6:102400",
            "applicationName": "S3>-",
        });
        assert_eq!(object, wanted);
    }
}
