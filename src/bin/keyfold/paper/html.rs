//! The page as HTML: style and code inside, no script, nothing from elsewhere.

use super::{Bytes, Page, Shape};
use keyfold::otp::qr::Qr;
use zeroize::Zeroizing;

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 11pt/1.45 system-ui, sans-serif; color: #000; background: #fff; max-width: 42rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1.2rem 0; }
dt { color: #444; }
dd { margin: 0; overflow-wrap: anywhere; }
.secret { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: center; border: 1.5pt solid #000; padding: 1rem; break-inside: avoid; }
.secret svg { width: 42mm; height: 42mm; flex: none; }
.pieces { font: bold 15pt/1.7 ui-monospace, monospace; list-style: none; display: grid; grid-template-columns: repeat(3, max-content); gap: 0 1.4rem; padding: 0; margin: 0; }
.words { font-size: 12pt; line-height: 1.5; list-style: decimal inside; grid-template-columns: repeat(2, max-content); }
.words li::marker { font-weight: normal; color: #444; }
li { margin: .25rem 0; }
footer { margin-top: 2rem; color: #444; }
@page { margin: 18mm; }
@media print { body { margin: 0; max-width: none; } }
";

pub(super) fn write(page: &Page<'_>, code: &Qr) -> Bytes {
    // Reserved at once, so that growing leaves no copy of the secret behind.
    let mut out = Zeroizing::new(String::with_capacity(
        STYLE.len() + 4096 + code.side() * code.side() * 8,
    ));
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    out.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    push(&mut out, page.title);
    out.push_str("</title>\n<style>");
    out.push_str(STYLE);
    out.push_str("</style>\n<h1>");
    push(&mut out, page.title);
    out.push_str("</h1>\n<p>");
    push(&mut out, &page.lead);
    out.push_str("</p>\n<dl>\n");
    for (name, value) in &page.facts {
        out.push_str("<dt>");
        push(&mut out, name);
        out.push_str("</dt><dd>");
        push(&mut out, value);
        out.push_str("</dd>\n");
    }
    out.push_str("</dl>\n<div class=\"secret\">\n");
    push_code(&mut out, code);
    out.push_str(match page.shape {
        Shape::Groups => "\n<ol class=\"pieces\">",
        Shape::Words => "\n<ol class=\"pieces words\">",
    });
    // EXPOSE: the page is made to hold it.
    for piece in page.shape.pieces(page.secret.expose()) {
        out.push_str("<li>");
        push(&mut out, piece);
        out.push_str("</li>");
    }
    out.push_str("</ol>\n</div>\n<ol>\n");
    for step in &page.steps {
        out.push_str("<li>");
        push(&mut out, step);
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n<footer>Where the vault file lies: ____________________________________</footer>\n</html>\n");
    Zeroizing::new(out.as_bytes().to_vec())
}

/// One path of a square for each run of dark modules.
fn push_code(out: &mut String, code: &Qr) {
    let side = code.side();
    out.push_str(&format!(
        "<svg viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR code\"><path fill=\"#000\" d=\""
    ));
    for (y, row) in code.rows().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|left, right| left == right) {
            if run.first() == Some(&true) {
                out.push_str(&format!("M{x} {y}h{}v1h-{}z", run.len(), run.len()));
            }
            x += run.len();
        }
    }
    out.push_str("\"/></svg>");
}

fn push(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfold::secret::Secret;

    #[test]
    fn the_drawn_code_is_the_code() {
        let code = Qr::new(&Secret::new("AAAAA-BBBBB-CCCCC".to_owned())).unwrap();
        let mut svg = String::new();
        push_code(&mut svg, &code);
        let (_, path) = svg.split_once("d=\"").unwrap();
        let (path, _) = path.split_once('"').unwrap();
        let mut drawn = vec![vec![false; code.side()]; code.side()];
        for run in path.split('M').filter(|run| !run.is_empty()) {
            let (place, rest) = run.split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let (width, _) = rest.split_once('v').unwrap();
            let width: usize = width.parse().unwrap();
            drawn[y][x..x + width].fill(true);
        }
        assert!(code.rows().eq(drawn.iter().map(Vec::as_slice)));
    }

    #[test]
    fn a_hostile_path_stays_text() {
        let secret = Secret::new("AAAAA-BBBBB".to_owned());
        let page = Page {
            title: "Kit",
            lead: "lead".to_owned(),
            facts: vec![("Vault", "<script>alert('x')</script>\"&".to_owned())],
            secret: &secret,
            shape: Shape::Groups,
            steps: vec!["open <it>".to_owned()],
        };
        let written = write(&page, &Qr::new(&secret).unwrap());
        let text = std::str::from_utf8(&written).unwrap();
        assert!(!text.contains("<script"));
        assert!(text.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
        assert!(text.contains("<li>AAAAA</li><li>BBBBB</li>"));
        for word in ["http:", "https:", "url(", "@import", " src=", " href="] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
