//! A flow as one JSON object a line: IANA element names as keys, the names of interfaces and VRFs beside their numbers.

use std::io::{self, Write};

use flowlogs_core::ipfix::element as e;

use crate::decode::{ElementId, Flow, Value};

/// Writes a flow and a line end.
pub(crate) fn write(out: &mut impl Write, flow: &Flow<'_>) -> io::Result<()> {
    let names = flow.names;
    let mut object = Object::open(out)?;
    let domain = Value::Number(names.domain.into());
    object.member(e::OBSERVATION_DOMAIN_ID.name, &domain)?;
    object.name(
        e::OBSERVATION_DOMAIN_NAME.name,
        names.domain_name.as_deref(),
    )?;
    for (id, value) in flow.fields {
        object.member(&id.to_string(), value)?;
        let ElementId::Iana(id) = *id else { continue };
        let index = value.number().unwrap_or_default();
        let interface = || names.interface(index).map(|known| known.name.as_str());
        match (id, value) {
            (10, _) => object.name("ingressInterfaceName", interface())?,
            (14, _) => object.name("egressInterfaceName", interface())?,
            (252, _) => object.name("ingressPhysicalInterfaceName", interface())?,
            (253, _) => object.name("egressPhysicalInterfaceName", interface())?,
            (234, _) => object.name("ingressVRFname", names.vrf(index))?,
            (235, _) => object.name("egressVRFname", names.vrf(index))?,
            (95, Value::Application(engine, selector)) => {
                let name = names.application(*engine, *selector);
                object.name(e::APPLICATION_NAME.name, name)?;
            }
            _ => {}
        }
    }
    object.close()
}

/// An object under construction.
struct Object<'a, W: Write> {
    out: &'a mut W,
    first: bool,
}

impl<'a, W: Write> Object<'a, W> {
    fn open(out: &'a mut W) -> io::Result<Self> {
        out.write_all(b"{")?;
        Ok(Self { out, first: true })
    }

    fn key(&mut self, key: &str) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            self.out.write_all(b",")?;
        }
        string(self.out, key)?;
        self.out.write_all(b":")
    }

    fn member(&mut self, key: &str, value: &Value) -> io::Result<()> {
        self.key(key)?;
        match value {
            Value::Number(number) => write!(self.out, "{number}"),
            Value::Float(number) if number.is_finite() => write!(self.out, "{number}"),
            other => string(self.out, &other.to_string()),
        }
    }

    fn name(&mut self, key: &str, name: Option<&str>) -> io::Result<()> {
        let Some(name) = name else { return Ok(()) };
        self.key(key)?;
        string(self.out, name)
    }

    fn close(self) -> io::Result<()> {
        self.out.write_all(b"}\n")
    }
}

fn string(out: &mut impl Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}
