//! A checked expression, ready to be asked about exchanges.

use crate::check::{Plan, check};
use crate::eval::judge;
use crate::fault::Spot;
use crate::{Failure, Field, Fields, Mistake, Value, parse, print, short};

/// The longest expression in bytes.
pub const MAX_TEXT: usize = 4096;

/// An expression over the exchange that is true or false, read from CEL or from the short form.
///
/// ```
/// use tapgate_expr::Filter;
///
/// let filter = Filter::parse("tool:search status:error dur>1s")?;
/// assert_eq!(
///     filter.to_cel(),
///     r#"tool.contains("search") && status in ["tool_error", "error"] && duration > duration("1s")"#,
/// );
/// assert!(Filter::parse("sttus == \"error\"").is_err());
/// # Ok::<(), tapgate_expr::Mistake>(())
/// ```
#[derive(Debug)]
pub struct Filter {
    plan: Plan,
    used: u64,
    cel: String,
}

impl Filter {
    /// Reads and checks `text`: the short form if each of its words is one of its terms, else CEL.
    ///
    /// An empty text is true for every exchange. Fails on a text over [`MAX_TEXT`], on bad syntax, on unknown
    /// fields, functions and words, on types that do not fit, and on patterns that are too large.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        if text.len() > MAX_TEXT {
            let start: String = text.chars().take(60).collect();
            let says = format!("the expression is longer than {MAX_TEXT} bytes");
            return Err(Spot::new(0..start.len(), says).in_text(&start));
        }
        Self::checked(text).map_err(|spot| spot.in_text(text))
    }

    fn checked(text: &str) -> Result<Self, Spot> {
        let is_short = text.trim().is_empty() || short::is_short(text);
        let node = if is_short { short::read(text)? } else { parse::parse(text)? };
        let (plan, used) = check(&node)?;
        let mut cel = print::print(&node);
        // A lone `args.force` would be read as text to search for.
        if short::is_short(&cel) {
            cel = format!("({cel})");
        }
        Ok(Self { plan, used, cel })
    }

    /// The expression that is true for every exchange.
    pub fn everything() -> Self {
        Self { plan: Plan::Value(Value::Bool(true)), used: 0, cel: "true".to_owned() }
    }

    /// Whether the expression asks for nothing, as the empty text does.
    pub fn is_everything(&self) -> bool {
        matches!(self.plan, Plan::Value(Value::Bool(true)))
    }

    /// Whether the exchange matches; an expression that has no value for it (a member is missing) does not match.
    pub fn matches(&self, exchange: &dyn Fields) -> bool {
        self.judge(exchange).unwrap_or(false)
    }

    /// Whether the exchange matches, or why that cannot be said, for callers that must then refuse.
    pub fn judge(&self, exchange: &dyn Fields) -> Result<bool, Failure> {
        judge(&self.plan, exchange)
    }

    /// The expression as canonical CEL; reading it again gives the same expression.
    pub fn to_cel(&self) -> &str {
        &self.cel
    }

    /// Whether the expression names `field`, so that what is dear to load is loaded only when it is needed.
    pub fn names(&self, field: Field) -> bool {
        self.used & field.bit() != 0
    }
}

#[cfg(test)]
mod tests;
