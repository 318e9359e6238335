//! The attribute `#[eagain::scenario]`: a function that builds a world becomes a scenario and an ordinary test. It is read token
//! by token: no parser of Rust is needed for a name, some doc comments and two settings.

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// Makes a scenario, and a test that libtest and nextest see, of a function that takes `&mut eagain::World`.
///
/// - `seeds = N`: how many seeds the test runs; 32 unless it is given.
/// - `knobs = EXPRESSION`: what `--set` and `EAGAIN_SET` can change, a `&'static [eagain::sim::run::Knob]`.
///
/// What the function passes by a literal name, as `sometimes("a retry", …)` or `eventually("healed", …)`, is known before it is passed:
/// a sweep that never does names it. In functions that it calls the macros `sometimes!` and `eventually!` do the same.
///
/// Beside the function `orders_survive` there is a module `orders_survive` with the constant `SCENARIO`, called `orders-survive`,
/// for a command ([`eagain::main`](https://docs.rs/eagain)), and with the test `holds`.
#[proc_macro_attribute]
pub fn scenario(attribute: TokenStream, item: TokenStream) -> TokenStream {
    match expand(attribute, &item) {
        Ok(more) => [item, more].into_iter().collect(),
        Err(line) => {
            let error = format!("::core::compile_error!({line:?});").parse().unwrap_or_default();
            [item, error].into_iter().collect()
        }
    }
}

fn expand(attribute: TokenStream, item: &TokenStream) -> Result<TokenStream, String> {
    let mut seeds = "32".to_owned();
    let mut knobs = "&[]".to_owned();
    for setting in split_at_commas(attribute) {
        let text = setting.to_string();
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}`: expected seeds = N or knobs = EXPRESSION"))?;
        match name.trim() {
            "seeds" => seeds = value.to_owned(),
            "knobs" => knobs = value.to_owned(),
            other => return Err(format!("unknown setting `{other}`: expected seeds or knobs")),
        }
    }
    let name =
        function_name(item).ok_or("#[eagain::scenario] goes on a function: fn name(world: &mut World)")?;
    let about = first_line_of_docs(item);
    let called = name.replace('_', "-");
    let mut expected = Vec::new();
    collect_expected(item.clone(), &mut expected);
    let expected = expected.join(", ");
    let visibility = if starts_with_pub(item) { "pub" } else { "" };
    let code = format!(
        r#"
        #[doc = {about:?}]
        {visibility} mod {name} {{
            #[allow(unused_imports)]
            use super::*;
            /// The scenario, for a command.
            pub const SCENARIO: ::eagain::sim::run::Scenario = ::eagain::sim::run::Scenario {{
                name: {called:?},
                about: {about:?},
                knobs: {knobs},
                seeds: {seeds},
                body,
            }};
            ::eagain::sim::declared!({called:?});
            fn body(sim: &mut ::eagain::sim::Sim) {{
                sim.sometimes(&[{expected}]);
                ::eagain::World::build(sim, super::{name});
            }}
            #[cfg(test)]
            #[test]
            fn holds() {{
                ::eagain::test(&SCENARIO, &::eagain::sim::site!("holds"));
            }}
        }}"#
    );
    code.parse().map_err(|error| format!("{error}"))
}

/// The first arguments of the calls of `sometimes` and `eventually` that are literal texts, as they are written, each once.
fn collect_expected(tokens: TokenStream, found: &mut Vec<String>) {
    let mut is_call = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if let (true, Some(TokenTree::Literal(name))) = (is_call, group.stream().into_iter().next()) {
                let name = name.to_string();
                if name.starts_with('"') && !found.contains(&name) {
                    found.push(name);
                }
            }
            collect_expected(group.stream(), found);
        }
        is_call = match &token {
            TokenTree::Ident(word) => ["sometimes", "eventually"].contains(&&*word.to_string()),
            // `sometimes!(…)`.
            TokenTree::Punct(mark) => is_call && mark.as_char() == '!',
            _ => false,
        };
    }
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts: Vec<Vec<TokenTree>> = vec![Vec::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(comma), _) if comma.as_char() == ',' => parts.push(Vec::new()),
            (_, Some(part)) => part.push(token),
            (_, None) => {}
        }
    }
    parts.into_iter().filter(|part| !part.is_empty()).map(|part| part.into_iter().collect()).collect()
}

fn function_name(item: &TokenStream) -> Option<String> {
    let mut tokens = item.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    }
}

fn starts_with_pub(item: &TokenStream) -> bool {
    let words = item.clone().into_iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    words.take_while(|word| word != "fn").any(|word| word == "pub")
}

/// Of `#[doc = "…"]`, which a doc comment is by now.
fn first_line_of_docs(item: &TokenStream) -> String {
    for token in item.clone() {
        let TokenTree::Group(group) = token else { continue };
        if group.delimiter() != Delimiter::Bracket {
            continue;
        }
        let parts: Vec<TokenTree> = group.stream().into_iter().collect();
        if let [TokenTree::Ident(word), _, TokenTree::Literal(text)] = &parts[..]
            && word.to_string() == "doc"
        {
            return text.to_string().trim_matches('"').trim().replace("\\\"", "\"").replace("\\'", "'");
        }
    }
    String::new()
}
