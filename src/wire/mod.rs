//! What program and agent say to each other: bytes on a socket, parsed and written here, sent elsewhere.
//!
//! First each side sends a greeting, whose form never changes, so that any version can tell what any other is, and stop it.
//! Then come frames: a length, and one question or answer in it. Nothing here reads a socket, and nothing is allocated
//! because a length says so. Buffers are wiped: answers carry secrets, and one question carries a key.

mod display;
mod envelope;
mod greeting;

pub use display::{Content, Display};
pub use envelope::{
    Answer, Asking, Copying, HeldVault, HoldLimits, Holding, Question, Refusal, VaultAnswer,
};
pub use greeting::{GREETING_LENGTH, Greeting, GreetingError, Intention, PROTOCOL};

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of the length before each frame: u32, little-endian.
pub const LENGTH_BYTES: usize = 4;
/// The body of a frame is no longer than this: a whole vault's listing or an import of 64 MiB goes through.
pub const FRAME_LIMIT: usize = 128 << 20;

/// Why bytes are no frame of this protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WireError {
    /// The length is past [`FRAME_LIMIT`].
    TooLong,
    /// The body is no question or answer, or more than one.
    Malformed,
}

impl fmt::Display for WireError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooLong => "the message is too long",
            Self::Malformed => "the message makes no sense",
        })
    }
}

impl std::error::Error for WireError {}

/// The length of the body that follows.
///
/// # Errors
/// [`WireError::TooLong`].
pub fn parse_length(bytes: [u8; LENGTH_BYTES]) -> Result<usize, WireError> {
    let length = usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| WireError::TooLong)?;
    if length > FRAME_LIMIT {
        return Err(WireError::TooLong);
    }
    Ok(length)
}

/// A question or an answer as one frame, its length first. The buffer never grows, so that no copy is left behind.
///
/// # Errors
/// [`WireError::TooLong`].
pub fn write_frame(message: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let size = postcard::ser_flavors::Size::default();
    let size = postcard::serialize_with_flavor(message, size).map_err(|_| WireError::Malformed)?;
    if size > FRAME_LIMIT {
        return Err(WireError::TooLong);
    }
    let length = u32::try_from(size).map_err(|_| WireError::TooLong)?;
    let mut frame = Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + size));
    frame.extend_from_slice(&length.to_le_bytes());
    postcard::to_io(message, &mut *frame).map_err(|_| WireError::Malformed)?;
    Ok(frame)
}

/// A question or an answer from the body of a frame.
///
/// # Errors
/// [`WireError::Malformed`], also where something follows.
pub fn parse_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(WireError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{FieldId, ItemId};
    use crate::secret::Secret;
    use crate::service::{Request, Response};
    use crate::vault::Places;

    fn asking() -> Question {
        Question::Ask(Box::new(Asking {
            places: Places {
                vault_file: "/v".into(),
                state_folder: "/s".into(),
            },
            at: None,
            request: Request::Reveal {
                item: ItemId([7; 16]),
                field: FieldId::Standard(3),
                dot: None,
            },
        }))
    }

    #[test]
    fn a_question_comes_back_as_it_was_and_cut_or_longer_it_is_refused() {
        let frame = write_frame(&asking()).unwrap();
        let (length, body) = frame.split_at(LENGTH_BYTES);
        assert_eq!(parse_length(length.try_into().unwrap()), Ok(body.len()));
        let Ok(Question::Ask(asking)) = parse_body(body) else {
            panic!("another question");
        };
        assert!(matches!(
            asking.request,
            Request::Reveal { item: ItemId(id), field: FieldId::Standard(3), dot: None } if id == [7; 16]
        ));
        for cut in 0..body.len() {
            assert!(parse_body::<Question>(&body[..cut]).is_err(), "{cut}");
        }
        let longer = [body, &[0]].concat();
        assert!(parse_body::<Question>(&longer).is_err());
    }

    #[test]
    fn an_answer_carries_a_secret_and_the_frame_is_as_long_as_was_counted() {
        let secret = Secret::new("s3cret".to_owned());
        let answer = Answer::Answered(VaultAnswer {
            answer: Ok(Box::new(Response::Secret(secret))),
            notices: Vec::new(),
        });
        let frame = write_frame(&answer).unwrap();
        assert_eq!(frame.capacity(), frame.len());
        let Ok(Answer::Answered(outcome)) = parse_body(&frame[LENGTH_BYTES..]) else {
            panic!("another answer");
        };
        let Ok(Response::Secret(secret)) = outcome.answer.map(|response| *response) else {
            panic!("another response");
        };
        assert!(secret.same_as(&Secret::new("s3cret".to_owned())));
    }

    #[test]
    fn a_length_that_no_message_has_is_refused() {
        assert_eq!(
            parse_length(u32::MAX.to_le_bytes()),
            Err(WireError::TooLong)
        );
    }
}
