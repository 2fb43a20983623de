//! Where the members stand, as a tree that the walk follows key by key.

use std::sync::LazyLock;

use super::Member;
use super::names::hash;

/// What a place in a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// `/jsonrpc`.
    Version,
    /// `/id`.
    Id,
    /// A member of the shape.
    Member(Member),
}

/// JSON pointers (RFC 6901) of all that is looked for.
const PLACES: &[(&str, Slot)] = &[
    ("/jsonrpc", Slot::Version),
    ("/id", Slot::Id),
    ("/method", Slot::Member(Member::Method)),
    ("/params", Slot::Member(Member::Params)),
    ("/result", Slot::Member(Member::Result)),
    ("/error", Slot::Member(Member::Error)),
    ("/error/code", Slot::Member(Member::ErrorCode)),
    ("/error/message", Slot::Member(Member::ErrorMessage)),
    ("/error/data", Slot::Member(Member::ErrorData)),
    ("/params/name", Slot::Member(Member::Name)),
    ("/params/uri", Slot::Member(Member::Uri)),
    ("/params/arguments", Slot::Member(Member::Arguments)),
    ("/params/_meta", Slot::Member(Member::Meta)),
    ("/params/_meta/progressToken", Slot::Member(Member::ProgressTokenAsked)),
    ("/params/_meta/io.modelcontextprotocol~1protocolVersion", Slot::Member(Member::MetaRevision)),
    ("/params/_meta/io.modelcontextprotocol~1clientInfo", Slot::Member(Member::MetaClient)),
    ("/params/_meta/io.modelcontextprotocol~1clientCapabilities", Slot::Member(Member::MetaCapabilities)),
    ("/params/_meta/io.modelcontextprotocol~1related-task", Slot::Member(Member::RelatedTask)),
    ("/params/_meta/io.modelcontextprotocol~1subscriptionId", Slot::Member(Member::SubscriptionId)),
    ("/params/progressToken", Slot::Member(Member::ProgressToken)),
    ("/params/requestId", Slot::Member(Member::CancelledId)),
    ("/params/protocolVersion", Slot::Member(Member::OfferedRevision)),
    ("/params/clientInfo", Slot::Member(Member::ClientInfo)),
    ("/params/capabilities", Slot::Member(Member::ClientCapabilities)),
    ("/params/taskId", Slot::Member(Member::TaskId)),
    ("/params/requestState", Slot::Member(Member::RequestState)),
    ("/params/inputResponses", Slot::Member(Member::InputResponses)),
    ("/params/task", Slot::Member(Member::TaskAsked)),
    ("/params/status", Slot::Member(Member::TaskStatus)),
    ("/result/protocolVersion", Slot::Member(Member::AgreedRevision)),
    ("/result/serverInfo", Slot::Member(Member::ServerInfo)),
    ("/result/_meta/io.modelcontextprotocol~1serverInfo", Slot::Member(Member::MetaServer)),
    ("/result/_meta/io.modelcontextprotocol~1related-task", Slot::Member(Member::RelatedTask)),
    ("/result/_meta/io.modelcontextprotocol~1subscriptionId", Slot::Member(Member::SubscriptionId)),
    ("/result/capabilities", Slot::Member(Member::ServerCapabilities)),
    ("/result/supportedVersions", Slot::Member(Member::SupportedRevisions)),
    ("/result/isError", Slot::Member(Member::IsError)),
    ("/result/resultType", Slot::Member(Member::ResultType)),
    ("/result/requestState", Slot::Member(Member::ResultState)),
    ("/result/inputRequests", Slot::Member(Member::InputRequests)),
    ("/result/task/taskId", Slot::Member(Member::CreatedTask)),
    ("/result/taskId", Slot::Member(Member::CreatedTask)),
    ("/result/task/status", Slot::Member(Member::TaskStatus)),
    ("/result/status", Slot::Member(Member::TaskStatus)),
];

/// How many names the longest pointer has.
pub(super) const MAX_STEPS: usize = 3;

/// A place in the tree; 0 is the message itself.
pub(super) type Place = u8;

/// The message itself.
pub(super) const ROOT: Place = 0;

struct Node {
    name: String,
    slot: Option<Slot>,
    parent: Place,
    /// Each with the hash of its name.
    children: Vec<(u64, Place)>,
}

/// The places, each one's index its [`Place`]; fewer than 64, so that a set of them is a `u64`.
static TREE: LazyLock<Vec<Node>> = LazyLock::new(|| {
    let mut nodes = vec![Node { name: String::new(), slot: None, parent: ROOT, children: Vec::new() }];
    for (pointer, slot) in PLACES {
        let place = pointer.split('/').skip(1).fold(ROOT, |parent, step| enter(&mut nodes, parent, step));
        if let Some(node) = nodes.get_mut(usize::from(place)) {
            node.slot = Some(*slot);
        }
    }
    nodes
});

/// The child with this name, made if it is not there.
fn enter(nodes: &mut Vec<Node>, parent: Place, step: &str) -> Place {
    let name = step.replace("~1", "/").replace("~0", "~");
    let known = nodes.iter().position(|node| node.parent == parent && node.name == name);
    let place = known.unwrap_or(nodes.len()) as Place;
    if known.is_none() {
        if let Some(node) = nodes.get_mut(usize::from(parent)) {
            node.children.push((hash(name.as_bytes()), place));
        }
        nodes.push(Node { name, slot: None, parent, children: Vec::new() });
    }
    place
}

/// The place that a decoded name with this [`hash`] leads to from `parent`.
#[inline]
pub(super) fn child(parent: Place, name: &[u8], hash: u64) -> Option<Place> {
    let tree = &*TREE;
    let children = &tree.get(usize::from(parent))?.children;
    let (_, place) = children.iter().find(|(known, _)| *known == hash)?;
    tree.get(usize::from(*place)).filter(|node| node.name.as_bytes() == name).map(|_| *place)
}

/// What a place holds, `None` where it only leads to others.
#[inline]
pub(super) fn slot(place: Place) -> Option<Slot> {
    TREE.get(usize::from(place))?.slot
}

/// Whether `place` is `above` or inside it.
pub(super) fn is_within(mut place: Place, above: Place) -> bool {
    while place != above {
        let Some(node) = TREE.get(usize::from(place)).filter(|_| place != ROOT) else {
            return false;
        };
        place = node.parent;
    }
    true
}

/// A set of places.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places(u64);

impl Places {
    /// Adds a place; gives whether it was there.
    #[inline]
    pub(super) fn insert(&mut self, place: Place) -> bool {
        let was = self.0;
        self.0 |= 1 << place;
        was == self.0
    }

    /// Takes everything inside `above` out, and `above` itself.
    pub(super) fn remove_within(&mut self, above: Place) {
        for place in 0..TREE.len() as Place {
            if is_within(place, above) {
                self.0 &= !(1 << place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(parent: Place, name: &str) -> Option<Place> {
        child(parent, name.as_bytes(), hash(name.as_bytes()))
    }

    #[test]
    fn the_tree_holds_every_pointer_and_fits_its_bounds() {
        assert!(TREE.len() <= 64, "{} places", TREE.len());
        for (pointer, expected) in PLACES {
            let steps: Vec<_> = pointer.split('/').skip(1).map(|step| step.replace("~1", "/")).collect();
            assert!(steps.len() <= MAX_STEPS, "{pointer}");
            let place = steps.iter().fold(ROOT, |place, step| named(place, step).unwrap());
            assert_eq!(slot(place), Some(*expected), "{pointer}");
            assert!(is_within(place, named(ROOT, &steps[0]).unwrap()), "{pointer}");
        }
        assert_eq!(named(ROOT, "name"), None);
    }
}
