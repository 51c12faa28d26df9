use std::error::Error;
use std::fmt;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const CERTIFICATE: &str = "CERTIFICATE";

/// One X.509 certificate as a PEM block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaCertificate {
    pem: String,
}

/// Why a text is not a list of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidCertificate {
    /// The text has no PEM block.
    NoBlock,
    /// The text has a PEM block with this label, such as `PRIVATE KEY`.
    OtherBlock(String),
    /// A block ends with no line `-----END CERTIFICATE-----`.
    Unclosed,
    /// A block does not hold the base64 of a DER sequence.
    NotBase64,
}

impl CaCertificate {
    /// Reads the certificates of a PEM text in their order. Text between the blocks is dropped.
    ///
    /// A block of another kind is refused, so that no private key reaches a build context. The
    /// certificate itself is not decoded.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, InvalidCertificate> {
        let mut certificates = Vec::new();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            match label(line, BEGIN) {
                None => {}
                Some(CERTIFICATE) => certificates.push(Self::read(&mut lines)?),
                Some(other) => return Err(InvalidCertificate::OtherBlock(other.to_owned())),
            }
        }
        if certificates.is_empty() {
            return Err(InvalidCertificate::NoBlock);
        }
        Ok(certificates)
    }

    /// Returns the PEM block, with line feeds and a final one.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    fn read<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Self, InvalidCertificate> {
        let mut body = Vec::new();
        for line in lines {
            if label(line, END) == Some(CERTIFICATE) {
                if !is_base64_of_sequence(&body.join("")) {
                    return Err(InvalidCertificate::NotBase64);
                }
                let body = body.join("\n");
                let pem =
                    format!("{BEGIN}{CERTIFICATE}{DASHES}\n{body}\n{END}{CERTIFICATE}{DASHES}\n");
                return Ok(Self { pem });
            }
            if line.starts_with(DASHES) {
                return Err(InvalidCertificate::Unclosed);
            }
            body.push(line);
        }
        Err(InvalidCertificate::Unclosed)
    }
}

impl fmt::Display for InvalidCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cannot read the CA certificates: ")?;
        match self {
            Self::NoBlock => formatter
                .write_str("the text has no `-----BEGIN CERTIFICATE-----` line; give PEM text"),
            Self::OtherBlock(label) => {
                write!(
                    formatter,
                    "the text has a `{label}` block; give certificates only"
                )
            }
            Self::Unclosed => formatter
                .write_str("a block has no `-----END CERTIFICATE-----` line; give the whole text"),
            Self::NotBase64 => formatter
                .write_str("a block is not the base64 text of a certificate; give PEM text"),
        }
    }
}

impl Error for InvalidCertificate {}

fn label<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// Every certificate is a DER sequence: its first byte is 0x30, which base64 writes as `M`.
fn is_base64_of_sequence(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - unpadded.len() <= 2
        && unpadded.starts_with('M')
        && unpadded
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
