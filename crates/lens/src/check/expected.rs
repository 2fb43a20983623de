//! What a person expects of a server, and what they let it take.

use super::Tokenizer;

/// What the person who checks expects.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Tools that have to be there.
    pub tools: Vec<String>,
    /// Tools that must not be there.
    pub no_tools: Vec<String>,
    /// Whether a server without tools is fine.
    pub may_be_empty: bool,
    /// Budgets of what a client's model has to read.
    pub budgets: Budgets,
    /// Budgets of single calls.
    pub calls: CallBudgets,
}

/// What calls may take at most; nothing where nobody said.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallBudgets {
    /// Nanoseconds of one call: more fails.
    pub duration: Option<i64>,
    /// Nanoseconds within which 95 of 100 calls of each tool, prompt, resource or method are answered: more fails.
    pub p95: Option<i64>,
    /// How often one call may be repeated after a failure: more fails.
    pub retries: Option<u32>,
    /// Bytes of the result of one call of a tool, as they travel: more fails.
    pub result: Option<u64>,
}

/// Most bytes of definitions, as they stand in the list.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// Of one tool: more is a warning.
    pub tool: u64,
    /// Of all tools of a server: more is a warning.
    pub warn: u64,
    /// Of all tools of a server: more fails.
    pub fail: u64,
    /// The same in tokens, where somebody named a tokenizer; both hold.
    pub tokens: Option<TokenBudgets>,
}

/// Most tokens of definitions.
#[derive(Clone, Copy, Debug)]
pub struct TokenBudgets {
    /// By which they are counted.
    pub tokenizer: Tokenizer,
    /// Of one tool: more is a warning.
    pub tool: u64,
    /// Of all tools of a server: more is a warning.
    pub warn: u64,
    /// Of all tools of a server: more fails.
    pub fail: u64,
}

impl Default for Budgets {
    /// About 1,000, 10,000 and 25,000 tokens, at four bytes each.
    fn default() -> Self {
        Self { tool: 4_000, warn: 40_000, fail: 100_000, tokens: None }
    }
}
