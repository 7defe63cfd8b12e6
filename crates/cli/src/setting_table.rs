//! `flowlogs settings`: the table of settings as JSON, for the generators of templates and documents.

use std::io::{self, Write};

use flowlogs_core::settings::table::{Accepted, SETTINGS, Setting};
use serde_json::{Value, json};

use crate::failure::CommandError;

pub(crate) fn run() -> Result<(), CommandError> {
    let settings: Vec<Value> = SETTINGS.iter().copied().map(object).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{:#}", Value::from(settings)).map_err(|error| CommandError::output(&error))
}

/// `{"variable": …, "parameter": …, "option": …, "default": …, "right": …, "meaning": …, "secret": …, "required": …}`
/// and either `words`, `least` and `most`, or `pattern`.
fn object(setting: &Setting) -> Value {
    let mut object = json!({
        "variable": setting.variable,
        "parameter": setting.parameter(),
        "option": setting.option,
        "default": setting.default,
        "right": setting.valid_values(),
        "meaning": setting.meaning,
        "secret": setting.secret,
        "required": setting.required,
    });
    match &setting.accepted {
        Accepted::Words(words) => object["words"] = json!(words),
        Accepted::Number { least, most, .. } => {
            object["least"] = json!(least);
            object["most"] = json!(most);
        }
        Accepted::Text { pattern, .. } => object["pattern"] = json!(pattern),
    }
    object
}
