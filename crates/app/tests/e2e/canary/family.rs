//! Families of secrets, and how to draw a member of one.
//!
//! Nothing here is a secret or looks like one before it is drawn: prefixes and bodies meet at run time only.

use tapgate_testkit::Chance;

/// How a family's secrets are known for what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// By their shape.
    Shape,
    /// By the name in front of them, which is this.
    Name(&'static str),
    /// By what stands around them: a text in which `@` is the secret's place.
    Context(&'static str),
}

/// A kind of secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) known: Known,
    shape: &'static str,
}

const fn shape(name: &'static str, shape: &'static str) -> Family {
    Family { name, known: Known::Shape, shape }
}

const fn named(name: &'static str, shape: &'static str) -> Family {
    Family { name, known: Known::Name(name), shape }
}

const fn context(name: &'static str, around: &'static str, shape: &'static str) -> Family {
    Family { name, known: Known::Context(around), shape }
}

/// `<set n>` draws `n` characters of a set, `<crc>` is the checksum of what was drawn since the last underscore.
pub(crate) const FAMILIES: &[Family] = &[
    shape("github-classic", "gh|p_<all 30><crc>"),
    shape("github-oauth", "gh|o_<all 30><crc>"),
    shape("github-app", "gh|s_<all 36>"),
    shape("github-fine", "github|_pat_<all 22>_<all 59>"),
    shape("gitlab", "glpat|-<url 20>"),
    shape("gitlab-runner", "glrt|-<url 20>"),
    shape("npm", "npm|_<all 30><crc>"),
    shape("pypi", "pypi|-AgEIcHlwaS5vcmc<url 80>"),
    shape("crates-io", "ci|o<all 32>"),
    shape("rubygems", "rubygems|_<hex 48>"),
    shape("docker", "dckr|_pat_<url 27>"),
    shape("slack-bot", "xox|b-<num 12>-<num 12>-<all 24>"),
    shape("slack-user", "xox|p-<num 12>-<num 12>-<num 13>-<hex 32>"),
    shape("slack-app", "xap|p-1-A<cap 10>-<num 13>-<hex 64>"),
    shape("discord", "M<all 23>.<url 6>.<url 38>"),
    shape("telegram", "<num 10>:|AA<url 33>"),
    shape("stripe-live", "sk_|live_<all 24>"),
    shape("stripe-restricted", "rk_|test_<all 99>"),
    shape("stripe-webhook", "whs|ec_<all 32>"),
    shape("openai", "sk-|proj-<url 74>T3BlbkFJ<url 74>"),
    shape("openai-service", "sk-|svcacct-<url 58>"),
    shape("anthropic", "sk-|ant-api03-<url 93>AA"),
    shape("openrouter", "sk-|or-v1-<hex 64>"),
    shape("groq", "gs|k_<all 52>"),
    shape("replicate", "r|8_<all 37>"),
    shape("perplexity", "pp|lx-<all 48>"),
    shape("xai", "xa|i-<all 80>"),
    shape("huggingface", "h|f_<all 34>"),
    shape("langsmith", "lsv2|_pt_<hex 32>_<hex 10>"),
    shape("tavily", "tv|ly-<all 32>"),
    shape("google-api", "AI|za<url 35>"),
    shape("google-client", "GOC|SPX-<url 28>"),
    shape("google-access", "ya|29.<url 140>"),
    shape("aws-key-id", "AK|IA<b32 16>"),
    shape("aws-temporary", "AS|IA<b32 16>"),
    context("aws-secret", "aws_secret_access_key = @", "<all 20>/<all 19>"),
    context(
        "azure-storage",
        "DefaultEndpointsProtocol=https;AccountName=demo;AccountKey=@;EndpointSuffix=core.example",
        "<all 86>==",
    ),
    shape("azure-client", "<all 3>8|Q~<url 34>"),
    shape("digitalocean", "dop|_v1_<hex 64>"),
    shape("sendgrid", "S|G.<url 22>.<url 43>"),
    shape("twilio", "S|K<hex 32>"),
    shape("mailchimp", "<hex 32>-|us12"),
    shape("mailgun", "ke|y-<hex 32>"),
    shape("brevo", "xkey|sib-<hex 64>-<all 16>"),
    shape("resend", "r|e_<all 8>_<all 24>"),
    shape("shopify", "shp|at_<hex 32>"),
    shape("square", "sq0|csp-<url 43>"),
    shape("facebook", "EAA|C<all 150>"),
    shape("databricks", "dap|i<hex 32>"),
    shape("doppler", "dp|.pt.<all 43>"),
    shape("vault", "hv|s.<url 24>"),
    shape("terraform", "<all 14>.atlas|v1.<url 67>"),
    shape("linear", "lin|_api_<all 40>"),
    shape("notion", "nt|n_<num 11><all 35>"),
    shape("figma", "fig|d_<url 40>"),
    shape("postman", "PM|AK-<hex 24>-<hex 34>"),
    shape("newrelic", "NR|AK-<cap 27>"),
    shape("heroku", "HR|KU-AA<url 58>"),
    shape("netlify", "nf|p_<all 36>"),
    shape("fly", "fo|1_<url 43>"),
    shape("planetscale", "pscale|_pw_<url 43>"),
    shape("supabase", "sb|p_<hex 40>"),
    shape("sentry", "sntr|yu_<hex 64>"),
    shape("grafana", "gl|sa_<all 32>_<hex 8>"),
    shape("dynatrace", "dt0|c01.<cap 24>.<cap 64>"),
    shape("buildkite", "bk|ua_<hex 40>"),
    shape("circleci", "CCI|PAT_<all 22>_<hex 40>"),
    shape("airtable", "pa|t<all 14>.<hex 64>"),
    shape("hubspot", "pat|-na1-<hex 8>-<hex 4>-<hex 4>-<hex 4>-<hex 12>"),
    shape("atlassian", "ATA|TT3xFfGF0<url 170>=<hex 8>"),
    shape("tailscale", "ts|key-auth-<all 12>CNTRL-<all 32>"),
    shape("age", "AGE-SECRET|-KEY-1<cap 58>"),
    shape("jwt", "<b64 {\"alg\":\"HS256\",\"typ\":\"JWT\"}>.<b64 {\"sub\":\"canary\",\"n\":>.<url 43>"),
    shape("pem-rsa", "-----BEGIN RSA PRIV|ATE KEY-----\n<lines 6>-----END RSA PRIV|ATE KEY-----\n"),
    shape("pem-pkcs8", "-----BEGIN PRIV|ATE KEY-----\n<lines 3>-----END PRIV|ATE KEY-----\n"),
    shape("openssh", "-----BEGIN OPENSSH PRIV|ATE KEY-----\n<lines 4>-----END OPENSSH PRIV|ATE KEY-----\n"),
    context("postgres", "postgres://app:@@db.example:5432/main", "<all 18>"),
    context("mongodb", "mongodb+srv://app:@@cluster.example/main?retryWrites=true", "<all 16>"),
    context("redis", "redis://:@@cache.example:6379/0", "<all 20>"),
    context("amqp", "amqp://worker:@@queue.example/", "<all 14>"),
    context("url-login", "https://deploy:@@git.example/team/repo.git", "<all 22>"),
    context("url-parameter", "https://api.example/v1/items?page=2&api_key=@", "<all 24>"),
    context("signed-url", "https://blob.example/a.bin?sv=2024-11-04&sig=@", "<all 43>"),
    context("slack-webhook", "https://hooks.slack.com/services/@", "T<cap 8>/B<cap 8>/<all 24>"),
    context("bearer", "Authorization: Bearer @", "<url 40>"),
    context("cookie-header", "Cookie: sid=@", "<all 32>"),
    context("environment", "DB_PASSWORD=@", "<all 20>"),
    context("sentence", "your password: @ (change it)", "<all 16>"),
    context("yaml", "client_secret: \"@\"", "<all 32>"),
    named("password", "<all 12>"),
    named("db_password", "<all 8>!<all 4>"),
    named("passphrase", "<low 5> <low 5> <low 6> <num 4>"),
    named("client_secret", "<url 32>"),
    named("clientSecret", "<url 40>"),
    named("api_key", "<hex 32>"),
    named("apiKey", "<all 24>"),
    named("X-Api-Key", "<all 28>"),
    named("access_token", "<url 64>"),
    named("refreshToken", "<url 48>"),
    named("id_token", "<url 60>"),
    named("secretAccessKey", "<all 40>"),
    named("private_key", "<all 44>"),
    named("connectionString", "Server=db;Uid=sa;Pwd=<all 16>;"),
    named("credentials", "<low 4>:<all 18>"),
    named("cookie", "session=<all 30>"),
    named("code_verifier", "<url 43>"),
    named("device_code", "<all 26>"),
    named("client_assertion", "<url 90>"),
    named("webhook_secret", "<hex 40>"),
    named("signingKey", "<all 36>"),
];

const LOW: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const CAP: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ALL: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Family {
    /// Draws a secret.
    pub(crate) fn draw(&self, chance: &mut Chance) -> String {
        let mut drawn = String::new();
        let mut rest = self.shape;
        while let Some((literal, run)) = rest.split_once('<') {
            drawn.push_str(&literal.replace('|', ""));
            let (run, behind) = run.split_once('>').expect("a closed run");
            let (set, argument) = run.split_once(' ').unwrap_or((run, ""));
            match set {
                "crc" => drawn.push_str(&checksum(&drawn)),
                "b64" => drawn.push_str(&part_of_a_jwt(argument, chance)),
                "lines" => (0..argument.parse().unwrap()).for_each(|_| {
                    drawn.push_str(&(run_of(ALL, 64, chance) + "\n"));
                }),
                _ => drawn.push_str(&mixed(set, argument.parse().unwrap(), chance)),
            }
            rest = behind;
        }
        drawn + &rest.replace('|', "")
    }
}

/// A run with letters at its ends, and with some digits if it is long.
///
/// Behind a name in free text, what has fewer than three digits is taken for the name of something else, as in code.
fn mixed(set: &str, n: usize, chance: &mut Chance) -> String {
    let letters = match set {
        "low" => LOW,
        "cap" => CAP,
        "all" => ALL,
        "url" => URL,
        "hex" => b"0123456789abcdef",
        "b32" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "num" => b"0123456789",
        _ => panic!("no set is called {set}"),
    };
    let n_wanted = match set {
        "low" | "num" => 0,
        _ => n.min(16) / 5,
    };
    loop {
        let run = run_of(letters, n, chance);
        let has_ends = !run.starts_with(['-', '_']) && !run.ends_with(['-', '_']);
        let n_digits = run.bytes().filter(u8::is_ascii_digit).count();
        if has_ends && n_digits >= n_wanted && (n < 8 || set == "num" || n_digits < n) {
            return run;
        }
    }
}

fn run_of(letters: &[u8], n: usize, chance: &mut Chance) -> String {
    (0..n).map(|_| char::from(letters[chance.below(letters.len())])).collect()
}

fn part_of_a_jwt(json: &str, chance: &mut Chance) -> String {
    let json = if json.ends_with(':') { format!("{json}{}}}", chance.number()) } else { json.to_owned() };
    super::code::base64(json.as_bytes(), super::code::Alphabet::Url, super::code::Padding::No)
}

/// What GitHub and npm put at the end of their tokens: the base62 CRC-32 of what follows the prefix.
fn checksum(drawn: &str) -> String {
    let text = drawn.rsplit('_').next().unwrap_or_default();
    let mut crc = super::code::crc32(text.as_bytes());
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = ALL[(crc % 62) as usize];
        crc /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}
