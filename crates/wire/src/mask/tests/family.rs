//! Families of secrets: those of the rules, and those that are told by their structure.

use super::super::rule::RULES;
use super::sample::{Dice, Sample, base64, expand};

/// Structures without a prefix of their own; `@` stands for five dashes, so that no line here looks like a key.
const STRUCTURES: &[(&str, &str)] = &[
    ("pkcs1", "@BEGIN RSA PRIVATE KEY@\n{base64:64}\n{base64:64}\n{base64:40}\n@END RSA PRIVATE KEY@"),
    ("pkcs8", "@BEGIN PRIVATE KEY@\n{base64:64}\n{base64:64}\n@END PRIVATE KEY@\n"),
    ("sec1", "@BEGIN EC PRIVATE KEY@\r\n{base64:64}\r\n{base64:40}\r\n@END EC PRIVATE KEY@"),
    ("openssh", "@BEGIN OPENSSH PRIVATE KEY@\n{base64:70}\n{base64:70}\n@END OPENSSH PRIVATE KEY@"),
    ("pkcs8 sealed", "@BEGIN ENCRYPTED PRIVATE KEY@\n{base64:64}\n@END ENCRYPTED PRIVATE KEY@"),
    (
        "pgp",
        "@BEGIN PGP PRIVATE KEY BLOCK@\nVersion: 1\n\n{base64:64}\n{base64:64}\n=abcd\n@END PGP PRIVATE KEY BLOCK@",
    ),
    (
        "pem with headers",
        "@BEGIN RSA PRIVATE KEY@\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{hex:32}\n\n{base64:64}\n@END RSA PRIVATE KEY@",
    ),
    ("pem without footer", "@BEGIN RSA PRIVATE KEY@\n{base64:64}\n{base64:64}\n{base64:64}"),
    ("pem without header", "{base64:64}\n{base64:64}\n{base64:64}\n@END RSA PRIVATE KEY@"),
    ("pem in one line", "@BEGIN PRIVATE KEY@ {base64:64} {base64:64} @END PRIVATE KEY@"),
    ("pem with escaped lines", "@BEGIN PRIVATE KEY@\\n{base64:64}\\n{base64:64}\\n@END PRIVATE KEY@"),
    ("postgres", "postgres://admin:{base62:18}@db.example:5432/main"),
    ("postgresql", "postgresql+asyncpg://app:{base62:18}/{base62:12}@db.example/main"),
    ("mysql", "mysql://root:{base62:18}@db.example"),
    ("mongodb", "mongodb+srv://app:{base62:24}@cluster.example/?retryWrites=true"),
    ("redis", "rediss://:{base62:32}@cache.example:6380/0"),
    ("amqp", "amqps://app:{base62:18}@queue.example/vhost"),
    ("smtp", "smtp://me%40x.example:{base62:18}@mail.example:587"),
    ("password in web url", "https://me:{base62:18}@host.example/x"),
    ("token as user", "https://{base62:30}@git.example/x.git"),
    ("token with oauth user", "https://oauth2:{base62:26}@git.example/x.git"),
    ("token with fixed password", "https://{base62:40}:x-oauth-basic@git.example/x.git"),
    ("query access_token", "https://api.example/v1?page=2&access_token={base62:24}&x=y"),
    ("query api_key", "https://api.example/v1?api_key={base62:24}"),
    ("query sig", "https://store.example/c/b?sv=2024-01-01&sig={base62:43}%3D&se=2030"),
    ("query amz", "https://b.s3.example/k?X-Amz-Date=1&X-Amz-Signature={hex:64}"),
    ("query code", "https://app.example/cb?code={url:32}&state={url:24}"),
    ("query key", "https://maps.example/api?key={base62:39}&q=x"),
    ("fragment", "https://app.example/#id_token={url:40}&token_type=Bearer"),
    ("oauth form", "grant_type=authorization_code&code={url:32}&code_verifier={url:43}"),
    ("refresh text with one digit", "refreshToken={upper:20}_{lower:26}{digit:1}"),
    ("refresh form", "client_id=x&refresh_token={url:40}&grant_type=refresh_token"),
    ("quoted password", "password=\"{base62:16}\""),
    ("bare password", "db_password: {base62:16}"),
    ("variable", "DATABASE_PASSWORD={base62:20}"),
    ("exported variable", "export AWS_SECRET_ACCESS_KEY={base64:40}"),
    ("client secret", "clientSecret = '{url:40}'"),
    ("api key in prose", "my api key is {base62:32}"),
    ("yaml token", "auth_token: {base62:24}"),
    ("npmrc", "//registry.npmjs.org/:_authToken={hex:32}"),
    ("netrc-like", "login: me, password: {base62:14}"),
    ("dotnet", "Server=db;User Id=sa;Password={base62:18};Encrypt=true"),
    ("hash rocket", "'secret_key' => '{base62:32}'"),
    ("bearer header", "Authorization: Bearer {base62:32}"),
    ("bearer word", "sent bearer {url:32} to it"),
    ("token header", "Authorization: token {hex:40}"),
    ("cookie header", "Cookie: theme=dark; sid={base62:32}"),
    ("api key header", "X-Api-Key: {base62:32}"),
    ("aws pair", "AKIA{base32:16} {base62:40}"),
    (
        "service account",
        "{\"type\":\"service_account\",\"private_key\":\"@BEGIN PRIVATE KEY@\\n{base64:64}\\n@END PRIVATE KEY@\\n\"}",
    ),
];

/// One sample of each example of each rule, and of each structure.
pub(super) fn samples() -> Vec<(String, Sample)> {
    let mut dice = Dice(41);
    let mut samples = Vec::new();
    for rule in &RULES.shapes {
        for leak in &rule.entry.leak {
            samples.push((rule.entry.id.clone(), expand(leak, &mut dice)));
        }
    }
    for (name, template) in STRUCTURES {
        samples.push(((*name).to_owned(), structure(template, &mut dice)));
    }
    samples.extend((0..3).map(|_| ("jwt".to_owned(), jwt(&mut dice))));
    let basic = base64(format!("admin:{}", dice.draw("base62", 20)).as_bytes(), false);
    samples.push((
        "basic".to_owned(),
        Sample { text: format!("Authorization: Basic {basic}"), parts: vec![basic] },
    ));
    samples
}

/// Expands a template that may hold braces of its own.
fn structure(template: &str, dice: &mut Dice) -> Sample {
    let mut sample = Sample { text: String::new(), parts: Vec::new() };
    let dashed =
        template.replace("@BEGIN", "-----BEGIN").replace("@END", "-----END").replace("KEY@", "KEY-----");
    let mut rest = dashed.replace("BLOCK@", "BLOCK-----");
    while let Some(at) = rest.find('{') {
        let length = rest[at..].find('}').map_or(1, |end| end + 1);
        let piece = &rest[at..at + length];
        if piece.contains(['"', ' ']) {
            sample.text += &rest[..=at];
            rest = rest[at + 1..].to_owned();
            continue;
        }
        let drawn = expand(piece, dice);
        sample.text += &rest[..at];
        sample.text += &drawn.text;
        sample.parts.extend(drawn.parts);
        rest = rest[at + length..].to_owned();
    }
    sample.text += &rest;
    sample
}

fn jwt(dice: &mut Dice) -> Sample {
    let header = base64(br#"{"typ":"JWT","alg":"ES256"}"#, true);
    let payload = base64(format!(r#"{{"sub":"{}","iat":1}}"#, dice.draw("base62", 20)).as_bytes(), true);
    let signature = dice.draw("url", 43);
    Sample { text: format!("{header}.{payload}.{signature}"), parts: vec![payload, signature] }
}
