#include "trainer/config/layer.h"

#include <c10/util/StringUtil.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <functional>
#include <map>
#include <optional>
#include <sstream>

#include "trainer/config/sections.h"

namespace nextframe {
namespace {

std::shared_ptr<const Source> make_source(const std::string& text, const std::string& name) {
  auto source = std::make_shared<Source>();
  source->name = name;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) source->lines.push_back(line);
  return source;
}

/// Notes where documents start and drops their content.
class DocumentStarts final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark last;
};

/// Where the text goes on after its first document. YAML::LoadAll is of no use: on a bracket that
/// closes nothing it makes empty documents without end.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return std::nullopt;
  return starts.last;
}

class LayerParser {
 public:
  LayerParser(const std::string& text, const std::string& name, Problems& problems)
      : problems_(problems) {
    layer_.source = make_source(text, name);
  }

  Layer parse(const std::string& text) {
    try {
      const auto second = second_document(text);
      const YAML::Node document = second ? YAML::Node() : YAML::Load(text);
      if (second) {
        fail(*second,
             "the config ends above, and here is more: a second YAML document, or a bracket that "
             "closes nothing");
      } else if (document.IsNull()) {
        fail({}, "the config is empty; it is a map of sections, such as 'trainer:'");
      } else if (!document.IsMap()) {
        fail(document.Mark(),
             std::string("a config is a map of sections, such as 'trainer:'; got ") +
                 (document.IsSequence() ? "a list" : "a single value"));
      } else {
        read_root(document);
      }
    } catch (const YAML::Exception& error) {
      layer_ = {{}, {}, {}, layer_.source};
      fail(error.mark, "this is not YAML: " + error.msg);
    }
    return std::move(layer_);
  }

  Value value_of(const YAML::Node& node, const Place& fallback, int depth = 0) const {
    Value value;
    value.place = node.Mark().is_null() ? fallback : place_of(node.Mark());
    if (node.IsScalar()) {
      value.kind = Value::Kind::scalar;
      value.text = node.Scalar();
      value.quoted = node.Tag() == "!";
    } else if (node.IsSequence()) {
      value.kind = Value::Kind::list;
      // An alias can make a list its own item, and no field is a list of lists.
      if (depth == 0) {
        for (const auto& item : node) value.items.push_back(value_of(item, value.place, 1));
      }
    } else if (node.IsMap()) {
      value.kind = Value::Kind::map;
    }
    if (node.Tag() != "?" && node.Tag() != "!") value.tag = node.Tag();
    return value;
  }

 private:
  using KeyHandler = std::function<void(const std::string&, const Place&, const YAML::Node&)>;

  Place place_of(const YAML::Mark& mark) const {
    return mark.is_null() ? Place{layer_.source, 1, 1}
                          : Place{layer_.source, mark.line + 1, mark.column + 1};
  }

  void fail(const YAML::Mark& mark, const std::string& message) {
    problems_.add_fatal(place_of(mark), message);
  }

  /// Calls `handle` with each key of a map, the first of equal ones only.
  void each_key(const YAML::Node& map, const std::string& prefix, const KeyHandler& handle) {
    std::map<std::string, int> first_lines;
    for (const auto& entry : map) {
      const YAML::Node& key = entry.first;
      const Place place = place_of(key.Mark());
      if (!key.IsScalar()) {
        problems_.add(place, "a key must be a word, got " +
                                 std::string(key.IsNull() ? "nothing" : "a list or a map"));
        continue;
      }
      const std::string& name = key.Scalar();
      const auto [first, is_new] = first_lines.emplace(name, place.line);
      if (name == "<<") {
        problems_.add(place, "merge keys '<<' are not read; use 'extends: FILE' for shared values");
      } else if (!is_new) {
        problems_.add(place, c10::str("duplicate key '", prefix, name, "' (first at line ",
                                      first->second, ")"));
      } else {
        handle(name, place, entry.second);
      }
    }
  }

  void read_root(const YAML::Node& root) {
    each_key(root, "", [&](const std::string& name, const Place& place, const YAML::Node& node) {
      if (name == "extends") return read_extends(value_of(node, place));
      if (const auto dot = name.find('.'); dot != std::string::npos) {
        problems_.add(place, "key '" + name + "' has a dot; write '" + name.substr(dot + 1) +
                                 ":' below '" + name.substr(0, dot) + ":'");
        return;
      }
      layer_.sections.push_back({name, place, {}});
      if (node.IsNull()) return;  // "trainer:" with nothing below it
      if (!node.IsMap()) {
        layer_.assignments.push_back({name, place, value_of(node, place)});
        return;
      }
      const std::string prefix = name + ".";
      each_key(
          node, prefix,
          [&](const std::string& key, const Place& key_place, const YAML::Node& value) {
            if (value.IsMap() && is_key_group(prefix + key)) {
              return read_group(prefix + key + ".", value);
            }
            layer_.assignments.push_back({prefix + key, key_place, value_of(value, key_place)});
          });
    });
  }

  /// Keys that belong together: `columns: {frames: ...}` is the key data.columns.frames.
  void read_group(const std::string& prefix, const YAML::Node& group) {
    each_key(group, prefix,
             [&](const std::string& key, const Place& place, const YAML::Node& value) {
               layer_.assignments.push_back({prefix + key, place, value_of(value, place)});
             });
  }

  void read_extends(const Value& value) {
    const bool is_list = value.kind == Value::Kind::list;
    for (const auto& file : is_list ? value.items : std::vector<Value>{value}) {
      if (file.kind == Value::Kind::scalar && !file.text.empty()) {
        layer_.extends.push_back(file);
      } else {
        problems_.add(file.place, "extends needs a file name or a list of them");
      }
    }
  }

  Layer layer_;
  Problems& problems_;
};

}  // namespace

Layer parse_layer(const std::string& text, const std::string& name, Problems& problems) {
  return LayerParser(text, name, problems).parse(text);
}

Layer parse_override(const std::string& override_text, Problems& problems) {
  Layer layer;
  layer.source = std::make_shared<Source>(Source{"--set " + override_text, {}});
  const Place place{layer.source, 0, 0};
  const auto equals = override_text.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems.add(place, "needs the form section.key=value");
    return layer;
  }
  Value value;
  value.kind = Value::Kind::scalar;
  value.text = override_text.substr(equals + 1);
  value.place = place;
  if (value.text.starts_with('[') && value.text.ends_with(']')) {
    Problems list_problems;
    const auto list = parse_layer("x: {y: " + value.text + "}", "", list_problems);
    if (!list_problems.empty() || list.assignments.size() != 1) {
      problems.add(place, "is not a list such as [1, 2]");
      return layer;
    }
    value = list.assignments[0].value;
    value.place = place;
    for (auto& item : value.items) item.place = place;
  }
  layer.assignments.push_back({override_text.substr(0, equals), place, std::move(value)});
  return layer;
}

}  // namespace nextframe
