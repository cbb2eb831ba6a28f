//! Frames: a line of JSON, then as many bytes of JSON and of payload as the line says.
//!
//! Must not keep more of a peer's bytes than the bounds allow, whatever lengths it claims: a length is
//! judged before a byte behind it is kept, and a payload is never kept at all.

use serde_json::{Map, Value};

/// Longest line, bytes, without its newline.
pub const MAX_LINE_BYTES: usize = 16 * 1024;
/// Most bytes of JSON behind the line.
pub const MAX_DATA_BYTES: usize = 64 * 1024;
/// Most bytes of payload that are read over: a second of audio in the richest format fits.
pub const MAX_PAYLOAD_BYTES: u64 = 1 << 20;
/// Longest type of an event, bytes.
const MAX_TYPE_BYTES: usize = 64;

/// One frame: an event's type and what comes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The event's type, such as `transcript`.
    pub kind: String,
    /// Its fields: those of the line, and over them those behind it.
    pub data: Map<String, Value>,
}

/// What is wrong with bytes that should be a frame. Nothing behind them can be made sense of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No newline where one had to be.
    #[error("a line has more than {MAX_LINE_BYTES} bytes, expected a JSON object and a newline")]
    LineTooLong,
    /// Not a JSON object.
    #[error("{part} is no JSON object: {why}")]
    NotAnObject {
        /// Which part of the frame.
        part: &'static str,
        /// What the parser says.
        why: String,
    },
    /// No type, or none that can be one.
    #[error("`type` is {got}, expected a text of 1 to {MAX_TYPE_BYTES} bytes")]
    Type {
        /// What came.
        got: String,
    },
    /// A length that is none, or more than is taken.
    #[error("`{field}` is {got}, expected a whole number from 0 to {most}")]
    Length {
        /// `data_length` or `payload_length`.
        field: &'static str,
        /// What came.
        got: String,
        /// The bound.
        most: u64,
    },
}

impl Frame {
    /// A frame without fields.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), data: Map::new() }
    }

    /// This frame with one more field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.data.insert(field.to_owned(), value.into());
        self
    }

    /// The frame's bytes, as the protocol's own writer makes them: fields stand behind the line.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut line = Map::from_iter([
            ("type".to_owned(), Value::from(self.kind.as_str())),
            ("version".to_owned(), Value::from(env!("CARGO_PKG_VERSION"))),
        ]);
        let data = match self.data.is_empty() {
            true => String::new(),
            false => Value::Object(self.data.clone()).to_string(),
        };
        if !data.is_empty() {
            line.insert("data_length".to_owned(), Value::from(data.len()));
        }
        let mut bytes = Value::Object(line).to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(data.as_bytes());
        bytes
    }
}

/// A line that was read, with how much is to come behind it.
#[derive(Debug)]
struct Head {
    frame: Frame,
    data: usize,
    payload: u64,
}

/// Which part of a frame comes next.
#[derive(Debug)]
enum Stage {
    Line,
    Data(Head),
    Payload(Frame, u64),
}

/// Finds the frames in a stream of bytes.
#[derive(Debug)]
pub struct FrameReader {
    /// The part that is not whole yet.
    kept: Vec<u8>,
    stage: Stage,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self { kept: Vec::new(), stage: Stage::Line }
    }
}

impl FrameReader {
    /// Whether a frame has begun that is not whole yet.
    #[must_use]
    pub fn is_within(&self) -> bool {
        !self.kept.is_empty() || !matches!(self.stage, Stage::Line)
    }

    /// Takes bytes from the front of `input` until a frame is whole, and gives it; `None` when all were
    /// taken and none is.
    ///
    /// # Errors
    /// [`FrameError`]. The stream is of no use after it: nobody knows where the next frame begins.
    pub fn take(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        loop {
            self.stage = match std::mem::replace(&mut self.stage, Stage::Line) {
                Stage::Line => {
                    let Some(line) = self.line(input)? else { return Ok(None) };
                    Stage::Data(head(&line)?)
                }
                Stage::Data(mut head) => {
                    if !self.fill(input, head.data) {
                        self.stage = Stage::Data(head);
                        return Ok(None);
                    }
                    if head.data > 0 {
                        let data = object("what stands behind the line", &self.whole())?;
                        head.frame.data.extend(data);
                    }
                    Stage::Payload(head.frame, head.payload)
                }
                Stage::Payload(frame, left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    *input = &input[here..];
                    let left = left - here as u64;
                    if left == 0 {
                        return Ok(Some(frame));
                    }
                    self.stage = Stage::Payload(frame, left);
                    return Ok(None);
                }
            };
        }
    }

    /// A whole line without its newline.
    fn line(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let part = &input[..end.unwrap_or(input.len())];
        if self.kept.len() + part.len() > MAX_LINE_BYTES {
            return Err(FrameError::LineTooLong);
        }
        self.kept.extend_from_slice(part);
        *input = &input[end.map_or(input.len(), |end| end + 1)..];
        Ok(end.map(|_| self.whole()))
    }

    /// Whether as many bytes are kept now.
    fn fill(&mut self, input: &mut &[u8], wanted: usize) -> bool {
        let here = (wanted - self.kept.len()).min(input.len());
        self.kept.extend_from_slice(&input[..here]);
        *input = &input[here..];
        self.kept.len() == wanted
    }

    /// What was kept, which is kept no longer: an idle connection holds no memory.
    fn whole(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }
}

fn head(line: &[u8]) -> Result<Head, FrameError> {
    let mut fields = object("a line", line)?;
    let kind = match fields.remove("type") {
        Some(Value::String(kind)) if (1..=MAX_TYPE_BYTES).contains(&kind.len()) => kind,
        other => return Err(FrameError::Type { got: shown(other.as_ref()) }),
    };
    let data = length(&fields, "data_length", MAX_DATA_BYTES as u64)?;
    let payload = length(&fields, "payload_length", MAX_PAYLOAD_BYTES)?;
    let inline = match fields.remove("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data,
        Some(other) => {
            let why = format!("it is {}", shown(Some(&other)));
            return Err(FrameError::NotAnObject { part: "`data`", why });
        }
    };
    let frame = Frame { kind, data: inline };
    Ok(Head { frame, data: usize::try_from(data).unwrap_or(MAX_DATA_BYTES), payload })
}

fn object(part: &'static str, bytes: &[u8]) -> Result<Map<String, Value>, FrameError> {
    serde_json::from_slice(bytes)
        .map_err(|error| FrameError::NotAnObject { part, why: error.to_string() })
}

fn length(fields: &Map<String, Value>, field: &'static str, most: u64) -> Result<u64, FrameError> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value
            .as_u64()
            .filter(|length| *length <= most)
            .ok_or_else(|| FrameError::Length { field, got: shown(Some(value)), most }),
    }
}

/// A value as an error shows it.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), |value| value.to_string().chars().take(64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        let (mut reader, mut rest, mut frames) = (FrameReader::default(), bytes, Vec::new());
        while let Some(frame) = reader.take(&mut rest)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn fields_behind_the_line_stand_over_those_in_it_and_payload_is_read_over() {
        let bytes = b"{\"type\":\"transcript\",\"data\":{\"text\":\"a\",\"language\":\"en\"},\
\"data_length\":12,\"payload_length\":3}\n{\"text\":\"b\"}\n\n\n{\"type\":\"ping\"}\n";
        let frames = all(bytes).expect("two frames");
        let expected = Frame::new("transcript").with("text", "b").with("language", "en");
        assert_eq!(frames, [expected, Frame::new("ping")]);
    }

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut() {
        let frames = [
            Frame::new("describe"),
            Frame::new("transcript").with("text", "öffne das Fenster\n").with("language", "de"),
            Frame::new("ping").with("text", "t"),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
        assert_eq!(all(&bytes).expect("whole"), frames);
        for cut in 0..bytes.len() {
            let (mut reader, mut seen) = (FrameReader::default(), Vec::new());
            for mut part in [&bytes[..cut], &bytes[cut..]] {
                while let Some(frame) = reader.take(&mut part).expect("frames") {
                    seen.push(frame);
                }
            }
            assert_eq!(seen, frames, "cut at {cut}");
            assert!(!reader.is_within());
        }
    }

    #[test]
    fn a_length_is_judged_before_a_byte_behind_it_is_kept() {
        let gigabyte = b"{\"type\":\"transcript\",\"data_length\":1073741824}\n";
        let error = all(gigabyte).expect_err("too long");
        assert_eq!(
            error.to_string(),
            "`data_length` is 1073741824, expected a whole number from 0 to 65536"
        );
        for wrong in ["-1", "1.5", "true", "\"7\"", "18446744073709551616", "1048577", "[]"] {
            let line = format!("{{\"type\":\"x\",\"payload_length\":{wrong}}}\n");
            assert!(matches!(all(line.as_bytes()), Err(FrameError::Length { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_at_its_bound() {
        let mut reader = FrameReader::default();
        let mut fine = &vec![b' '; MAX_LINE_BYTES][..];
        assert_eq!(reader.take(&mut fine), Ok(None));
        assert_eq!(reader.take(&mut &b" "[..]), Err(FrameError::LineTooLong));
    }

    #[test]
    fn what_is_no_frame_is_named() {
        for (bytes, named) in [
            (&b"\n"[..], "a line is no JSON object"),
            (b"[]\n", "a line is no JSON object"),
            (b"{\"type\":\"x\"\xff}\n", "a line is no JSON object"),
            (b"{}\n", "`type` is missing"),
            (b"{\"type\":7}\n", "`type` is 7"),
            (b"{\"type\":\"\"}\n", "`type` is \"\""),
            (b"{\"type\":\"x\",\"data\":[]}\n", "`data` is no JSON object"),
            (b"{\"type\":\"x\",\"data_length\":2}\n[]", "what stands behind the line is no"),
            (b"{\"type\":\"x\",\"data_length\":2}\n\xff\xff", "what stands behind the line is no"),
        ] {
            let error = all(bytes).expect_err(named).to_string();
            assert!(error.contains(named), "{error}");
        }
        let deep = format!("{{\"type\":{}1{}}}\n", "[".repeat(4000), "]".repeat(4000));
        assert!(matches!(all(deep.as_bytes()), Err(FrameError::NotAnObject { .. })));
    }
}
