//! Names that say that what they name is a secret: of members, parameters, variables, flags, headers.
//!
//! A name is read in segments (`nextPageToken`, `next-page-token` and `NEXT_PAGE_TOKEN` are the same),
//! so that `secret` is found in `client_secret` and not in `secretary`, and `next_token` is known to be harmless.

mod words;

use self::words::{CREDENTIAL_WORDS, DESCRIBES, HARMLESS_TOKENS, OF_KEY, OF_PASS};

/// Longer names are judged by their end.
const MAX_NAME: usize = 96;
const MAX_SEGMENTS: usize = 12;

/// The class of the secret that a member, variable or flag of this name holds.
pub(super) fn class_of(name: &[u8]) -> Option<&'static str> {
    let name = Name::split(name);
    let segments = name.segments();
    (0..segments.len()).find_map(|at| class_at(&segments, at))
}

/// The class of the secret that a query or form parameter or a cookie of this name holds.
///
/// Besides what [`class_of`] knows, the parameters of OAuth (RFC 6749, 7636, 7521) and of signed URLs.
pub(super) fn class_of_parameter(name: &[u8]) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    match lower.as_slice() {
        b"code" | b"state" | b"ticket" | b"user_code" | b"samlresponse" => Some("code"),
        b"assertion" | b"subject_token" | b"actor_token" | b"hmac" => Some("token"),
        b"sig" | b"signature" | b"x-amz-signature" | b"x-goog-signature" | b"x-amz-credential" => {
            Some("secret")
        }
        b"key" | b"auth" => Some("api-key"),
        b"pass" => Some("password"),
        b"sid" | b"sessionid" | b"session_id" | b"session" | b"phpsessid" | b"jsessionid" => Some("session"),
        _ => class_of(name),
    }
}

/// Whether a segment of `name` is one of `words`.
pub(super) fn has_segment(name: &[u8], words: &[String]) -> bool {
    Name::split(name).segments().iter().any(|segment| words.iter().any(|word| word == segment))
}

/// Whether a number under a name of this class is a count or a limit rather than a secret.
pub(super) fn counts(class: &str) -> bool {
    class == "token"
}

/// A name in lower case, and where its segments are.
struct Name {
    lower: [u8; MAX_NAME],
    bounds: [(usize, usize); MAX_SEGMENTS],
    n_segments: usize,
}

impl Name {
    fn split(name: &[u8]) -> Self {
        let name = name.get(name.len().saturating_sub(MAX_NAME)..).unwrap_or_default();
        let mut split = Self { lower: [0; MAX_NAME], bounds: [(0, 0); MAX_SEGMENTS], n_segments: 0 };
        let mut start = 0;
        for (at, &byte) in name.iter().enumerate() {
            if let Some(lower) = split.lower.get_mut(at) {
                *lower = byte.to_ascii_lowercase();
            }
            let before = at.checked_sub(1).and_then(|at| name.get(at)).copied();
            if !byte.is_ascii_alphanumeric() {
                split.end_segment(start, at);
                start = at + 1;
            } else if byte.is_ascii_uppercase() && is_hump(before, name.get(at + 1).copied()) {
                split.end_segment(start, at);
                start = at;
            }
        }
        split.end_segment(start, name.len());
        split
    }

    fn end_segment(&mut self, start: usize, end: usize) {
        if start < end
            && let Some(slot) = self.bounds.get_mut(self.n_segments)
        {
            *slot = (start, end);
            self.n_segments += 1;
        }
    }

    fn segments(&self) -> Vec<&str> {
        let bounds = self.bounds.get(..self.n_segments).unwrap_or_default();
        bounds
            .iter()
            .filter_map(|&(start, end)| std::str::from_utf8(self.lower.get(start..end)?).ok())
            .map(|segment| {
                let letters = segment.trim_end_matches(|c: char| c.is_ascii_digit());
                if letters.is_empty() { segment } else { letters }
            })
            .collect()
    }
}

/// Whether a capital letter begins a word: `nextToken`, and the K of `APIKey`.
fn is_hump(before: Option<u8>, next: Option<u8>) -> bool {
    before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        || (before.is_some_and(|b| b.is_ascii_uppercase()) && next.is_some_and(|n| n.is_ascii_lowercase()))
}

fn class_at(segments: &[&str], at: usize) -> Option<&'static str> {
    let word = *segments.get(at)?;
    let (front, behind) = (segments.get(..at)?, segments.get(at + 1..)?);
    let class = class_of_word(segments, front, word, behind)?;
    let describes = behind.iter().any(|word| DESCRIBES.contains(word));
    (!describes).then_some(class)
}

fn class_of_word(segments: &[&str], front: &[&str], word: &str, behind: &[&str]) -> Option<&'static str> {
    let before = front.last().copied().unwrap_or_default();
    let next = behind.first().copied().unwrap_or_default();
    let class = match word {
        "secret" | "secrets" => "secret",
        "credential" | "credentials" | "cred" | "creds" | "mnemonic" => "credential",
        "authorization" => "bearer",
        "auth" if segments.len() == 1 => "credential",
        "bearer" | "jwt" if behind.is_empty() => "token",
        "cookie" | "cookies" if behind.is_empty() => "cookie",
        "pwd" if segments.len() > 1 => "password",
        "otp" | "totp" if behind.is_empty() => "password",
        "pass" if behind.is_empty() && OF_PASS.contains(&before) => "password",
        "key" | "keys" if OF_KEY.contains(&before) => "api-key",
        "verifier" if before == "code" => "code",
        "code" if before == "device" && behind.is_empty() => "code",
        "assertion" if before == "client" => "token",
        "string" if before == "connection" => "connection",
        "phrase" if matches!(before, "seed" | "pass" | "recovery") => "password",
        "dsn" | "connectionstring" | "connstr" => "connection",
        "token" | "tokens" => return (!is_count(segments, front, word)).then_some("token"),
        _ => return glued(word, next),
    };
    Some(class)
}

/// Words that people write together.
fn glued(word: &str, next: &str) -> Option<&'static str> {
    if word.ends_with("password") || word.ends_with("passwd") || word == "passphrase" || word == "passcode" {
        return Some("password");
    }
    if word.ends_with("apikey") || word.ends_with("apikeys") {
        return Some("api-key");
    }
    if let Some(before) = word.strip_suffix("key") {
        return (OF_KEY.contains(&before) && before.len() > 3).then_some("api-key");
    }
    if let Some(before) = word.strip_suffix("secret") {
        return matches!(before, "client" | "app" | "api" | "shared" | "consumer").then_some("secret");
    }
    let before = word.strip_suffix("token")?;
    let harmless = HARMLESS_TOKENS.iter().any(|word| before.ends_with(word)) || next == "count";
    (!harmless).then_some("token")
}

/// Whether this token is a place in a list, a piece of text, or a number of those.
fn is_count(segments: &[&str], front: &[&str], word: &str) -> bool {
    if front.iter().any(|word| CREDENTIAL_WORDS.contains(word)) {
        return false;
    }
    let alone = word == "tokens" && segments.len() == 1;
    alone || front.iter().any(|word| HARMLESS_TOKENS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_it_names_a_secret() {
        let secret = "password passwd db_password DB_PASS dbPassword userPassword PGPASSWORD passphrase client_secret \
            clientSecret ClientSecret secret SECRET_KEY secretAccessKey aws_secret_access_key api_key apiKey apikey \
            API-Key x-api-key APIKey openaiApiKey private_key privateKey signing-key token access_token accessToken \
            refresh_token id_token authToken auth_token GITHUB_TOKEN github_token csrf_token bearer authorization \
            Authorization proxy-authorization cookie Set-Cookie credentials aws_credentials jwt code_verifier \
            device_code client_assertion connectionString connection_string subscription-key \
            Ocp-Apim-Subscription-Key auth_page_token next_auth_token access_tokens password2 token1 accesstoken _auth";
        let harmless = "next_token nextToken nextPageToken page_token pagetoken progressToken idempotency_key primary_key \
            s3_key public_key foreign_key cache_key key keys max_tokens maxTokens total_tokens tokens input_tokens \
            prompt_tokens completionTokens token_count token_type token_endpoint tokenUrl token_endpoint_auth_methods_supported \
            authorization_endpoint authorization_servers bearer_methods_supported code_challenge author authors secretary \
            password_policy passwordStrength tokenizer tokenization compass keyboard monkey secret_name secretArn \
            access_key_id cursor code state id name description session_id pass passed type";
        for name in secret.split_whitespace() {
            assert!(class_of(name.as_bytes()).is_some(), "{name} names a secret");
        }
        for name in harmless.split_whitespace() {
            assert_eq!(class_of(name.as_bytes()), None, "{name} names no secret");
        }
    }

    #[test]
    fn oauth_names_count_in_parameters_only() {
        for name in ["code", "state", "sig", "key", "sessionId"] {
            assert_eq!(class_of(name.as_bytes()), None);
            assert!(class_of_parameter(name.as_bytes()).is_some());
        }
    }

    #[test]
    fn a_name_of_any_length_is_judged_by_its_end() {
        let long = format!("{}_password", "x".repeat(10_000));
        assert_eq!(class_of(long.as_bytes()), Some("password"));
    }
}
