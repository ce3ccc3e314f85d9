#include "trainer/evaluate/html_page.h"

#include <cstdint>

namespace nextframe {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --back: #fafafa; --card: #fff; --ink: #1c1c22; --soft: #6a6a75;
  --edge: #e2e2e8; --c0: #2563eb; --c1: #dc7a1e; --c2: #16924f; --c3: #9b4fd0; --c4: #0e9aa7; }
@media (prefers-color-scheme: dark) { :root { --back: #151519; --card: #1e1e24; --ink: #e9e9ee;
  --soft: #9a9aa6; --edge: #33333c; --c0: #6ea0ff; --c1: #f0a050; --c2: #55c98a; --c3: #c88cf0;
  --c4: #4fd0dc; } }
body { margin: 0 auto; max-width: 1120px; padding: 24px; background: var(--back);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0; } h2 { margin: 36px 0 12px; } h3 { margin: 24px 0 8px; }
.soft, dt { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 12px;
  margin: 24px 0; }
.card, .plot, .picture, details { background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 24px; } .card span { font-size: 13px; color: var(--soft); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 12px; }
.picture { overflow-x: auto; margin: 12px 0; } .picture img { image-rendering: pixelated; }
.wide { overflow-x: auto; }
details { margin: 12px 0; } summary { cursor: pointer; font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 4px 12px; text-align: right; border-bottom: 1px solid var(--edge);
  white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
td small { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; }
dd { margin: 0; overflow-wrap: anywhere; }
svg text { fill: var(--soft); font-size: 12px; } .grid { stroke: var(--edge); }
.zero { stroke: var(--soft); } .line { fill: none; stroke-width: 1.6; }
.line.color-0 { stroke-width: 2.6; } .band { fill: var(--c0); opacity: .18; }
.color-0 { stroke: var(--c0); } .color-1 { stroke: var(--c1); } .color-2 { stroke: var(--c2); }
.color-3 { stroke: var(--c3); } .color-4 { stroke: var(--c4); }
.key { display: inline-block; margin-right: 16px; font-size: 13px; } .key svg { width: 22px; height: 8px; }
)";

std::string base64(const std::string& bytes) {
  constexpr const char* kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = i; j < i + 3; ++j) {
      bits = bits << 8 | (j < bytes.size() ? static_cast<uint8_t>(bytes[j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      const bool is_padding = i + j > bytes.size();
      text += is_padding ? '=' : kLetters[bits >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

}  // namespace

std::string element(const std::string& tag, const std::string& inside) {
  return "<" + tag + ">" + inside + "</" + tag.substr(0, tag.find(' ')) + ">\n";
}

std::string html_picture(const std::string& kind, const std::string& bytes,
                         const std::string& caption) {
  if (bytes.empty()) return "";
  return "<div class=\"picture\"><img alt=\"" + caption + "\" src=\"data:image/" + kind +
         ";base64," + base64(bytes) + "\"><div class=\"soft\">" + caption + "</div></div>\n";
}

std::string html_page(const std::string& title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<title>" +
         title + "</title>\n<style>" + kStyle + "</style></head>\n<body>\n" + body +
         "</body></html>\n";
}

}  // namespace nextframe
