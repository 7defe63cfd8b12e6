//! Unpacks what AWS delivers into flow-log lines.
