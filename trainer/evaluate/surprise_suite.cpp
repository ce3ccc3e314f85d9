// The `surprise` suite: whether impossible events surprise a model more than possible ones
// (violation of expectation). Each event comes as two possible and two impossible clips of the same
// halves, so that nothing but memory and knowledge of the world tells the pairs apart.
#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/surprise_scores.h"

namespace nextframe {
namespace {

using ViolationKind = Violation::Kind;

constexpr size_t kSurpriseEpisodes = 32;
constexpr size_t kQuadrupletsAtOnce = 16;
constexpr int64_t kLeastSurpriseClip = 8;  // frames: below, there is nothing before the event

/// A kind of violation, and how strong it is. Keys are sizes as the tables by size name them; the
/// last is that of the figures.
struct SizedKind {
  ViolationKind kind;
  const char* key_name;
  std::vector<int64_t> keys;
  double (*size)(int64_t key);
};

double in_px(int64_t key) { return static_cast<double>(key); }
double in_percent(int64_t key) { return static_cast<double>(key) / 100; }
double larger_by_percent(int64_t key) { return 1 + static_cast<double>(key) / 100; }

const std::vector<SizedKind>& sized_kinds() {
  static const std::vector<SizedKind> kinds{
      {ViolationKind::teleport, "px", {2, 4, 8}, in_px},
      {ViolationKind::recolour, "percent", {12, 32, 96}, in_percent},
      {ViolationKind::resize, "percent_larger", {12, 24, 48}, larger_by_percent}};
  return kinds;
}

const SizedKind* sizes_of(ViolationKind kind) {
  for (const auto& sized : sized_kinds()) {
    if (sized.kind == kind) return &sized;
  }
  return nullptr;
}

double usual_size(ViolationKind kind) {
  const auto* sized = sizes_of(kind);
  return sized == nullptr ? 1 : sized->size(sized->keys.back());
}

int64_t count_of(const std::vector<SurpriseEvent>& events) {
  return static_cast<int64_t>(events.size());
}

/// One event an episode, as far as there are any.
std::vector<SurpriseEvent> events_of(const EpisodeSource& source, ViolationKind kind) {
  std::vector<SurpriseEvent> events;
  const auto num_episodes = std::min(source.episodes.size(), kSurpriseEpisodes);
  for (size_t place = 0; place < num_episodes; ++place) {
    const auto event = find_surprise(source, place, kind, usual_size(kind));
    if (event) events.push_back(*event);
  }
  return events;
}

/// Verdicts on those of the events of which there is anything to be seen, by place; such events
/// stay in `events`.
SurpriseVerdicts verdicts_on(EvaluationContext& evaluation, std::vector<SurpriseEvent>& events) {
  const auto& source = evaluation.held_out();
  SurpriseVerdicts verdicts;
  std::vector<SurpriseQuadruplet> some;
  std::vector<SurpriseEvent> seen;
  const auto judge = [&] {
    if (!some.empty())
      judge_surprise(evaluation.predictor(), source, some, evaluation.mean_frame_HWC(), verdicts);
    some.clear();
  };
  for (const auto& event : events) {
    auto four = make_quadruplet(source, event);
    if (visible_change(four) == 0) continue;
    seen.push_back(event);
    some.push_back(std::move(four));
    if (some.size() == kQuadrupletsAtOnce) judge();
  }
  judge();
  events = std::move(seen);
  return verdicts;
}

/// The model's first. Their intervals are those of `num_episodes` events.
std::vector<NamedFigure> accuracies(const SurpriseVerdicts& verdicts, const std::string& name,
                                    int64_t num_episodes) {
  std::vector<NamedFigure> figures;
  for (const auto& [predictor, points] : verdicts) {
    const bool is_model = predictor == "model";
    figures.insert(is_model ? figures.begin() : figures.end(),
                   {is_model ? name : predictor + "." + name, accuracy_of(points, num_episodes)});
  }
  return figures;
}

/// Accuracy against the strength of the violation, of the same objects at the same frames.
FigureTable table_by_size(EvaluationContext& evaluation, const SizedKind& sized,
                          const std::vector<SurpriseEvent>& events,
                          const SurpriseVerdicts& strongest) {
  FigureTable table{to_string(sized.kind) + "_by_size", sized.key_name, {}};
  for (const int64_t key : sized.keys) {
    auto resized = events;
    for (auto& event : resized) event.violation.size = sized.size(key);
    const auto verdicts = key == sized.keys.back() ? strongest : verdicts_on(evaluation, resized);
    if (!verdicts.empty())
      table.rows.push_back({key, accuracies(verdicts, "accuracy", count_of(resized))});
  }
  return table;
}

/// Whether the strength of this violation changes what happens; in `containers` it does not.
bool has_size(const EpisodeSource& source, const SizedKind& sized, SurpriseEvent event) {
  const auto strong = make_quadruplet(source, event);
  event.violation.size = sized.size(sized.keys.front());
  return !strong.clips_THWC[1].equal(make_quadruplet(source, event).clips_THWC[1]);
}

/// The verdicts of all kinds that count, with what they are on. Events of one episode are not
/// independent, so that intervals are those of as many events as there are episodes.
class AllVerdicts {
 public:
  void add(const std::vector<SurpriseEvent>& events, const SurpriseVerdicts& verdicts) {
    for (size_t i = 0; i < events.size(); ++i) {
      const int64_t hidden = events[i].hidden_frames;
      all_.add(i, events[i].place, verdicts);
      (hidden > 0 ? hidden_ : in_view_).add(i, events[i].place, verdicts);
      if (hidden > 0) by_hidden_frames_[power_of_two(hidden)].add(i, events[i].place, verdicts);
    }
  }

  void report_to(SuiteReport& report) const {
    std::vector<NamedFigure> figures;
    for (const auto& [name, pool] : std::initializer_list<std::pair<const char*, const Pool&>>{
             {"accuracy", all_}, {"hidden_accuracy", hidden_}, {"in_view_accuracy", in_view_}}) {
      const auto more = accuracies(pool.verdicts, name, pool.num_episodes());
      figures.insert(figures.end(), more.begin(), more.end());
    }
    report.figures.insert(report.figures.begin(), figures.begin(), figures.end());
    FigureTable table{"occlusion", "hidden_frames", {}};
    for (const auto& [hidden, pool] : by_hidden_frames_)
      table.rows.push_back({hidden, accuracies(pool.verdicts, "accuracy", pool.num_episodes())});
    if (!table.rows.empty()) report.tables.push_back(std::move(table));
  }

 private:
  struct Pool {
    SurpriseVerdicts verdicts{};
    std::set<size_t> places{};

    void add(size_t event, size_t place, const SurpriseVerdicts& more) {
      places.insert(place);
      for (const auto& [predictor, points] : more) verdicts[predictor].push_back(points[event]);
    }
    int64_t num_episodes() const { return static_cast<int64_t>(places.size()); }
  };

  static int64_t power_of_two(int64_t at_most) {
    int64_t power = 1;
    while (2 * power <= at_most) power *= 2;
    return power;
  }

  Pool all_, hidden_, in_view_;
  std::map<int64_t, Pool> by_hidden_frames_;
};

void run_kind(EvaluationContext& evaluation, ViolationKind kind, AllVerdicts& all,
              SuiteReport& report) {
  const auto name = to_string(kind);
  auto events = events_of(evaluation.held_out(), kind);
  const auto verdicts = verdicts_on(evaluation, events);
  if (events.empty()) {
    report.notes.push_back("no " + name + ": no episode has a frame where it could be told");
    return;
  }
  const auto figures = accuracies(verdicts, name + "_accuracy", count_of(events));
  report.figures.insert(report.figures.end(), figures.begin(), figures.end());
  const auto problem = surprise_problem(verdicts);
  if (!problem.empty()) {
    report.notes.push_back(name + " does not count: " + problem);
    return;
  }
  all.add(events, verdicts);
  const auto* sized = sizes_of(kind);
  if (sized != nullptr && has_size(evaluation.held_out(), *sized, events.front()))
    report.tables.push_back(table_by_size(evaluation, *sized, events, verdicts));
}

std::vector<Definition> surprise_definitions() {
  return {
      {"surprise",
       c10::str("sum of squared one-step errors in the ", kSurpriseFrames,
                " frames from the first that can tell (fewer in clips of under 10), over pixels "
                "that the possible and the impossible clips have in common, in this frame and the "
                "two before it")},
      {"accuracy",
       "share of events whose two impossible clips together surprise more than the two possible "
       "ones; equal surprise counts one half. Chance is 0.5. NAME_accuracy: of one violation; "
       "accuracy: of all violations that count. Intervals are those of Wilson (1927), of as many "
       "events as there are episodes"},
      {"hidden_accuracy",
       "of events that happen while nothing is seen of the object; in_view_accuracy: of the "
       "others"},
      {"hidden_frames", "for how long nothing was seen of it: from this to twice as many frames"},
      {"by_size",
       "the same events, weaker: px displaced, percent of the way to another colour, percent "
       "larger"},
      {"oracle", "the simulator, which goes on with each clip as it began: 1 in a set that counts"},
      {"black", "a black frame; this, copy_last, linear and mean_frame: 0.5 in a set that counts"}};
}

SuiteReport run_surprise(EvaluationContext& evaluation) {
  SuiteReport report{"surprise", {}, {}, surprise_definitions(), {}};
  const auto& source = evaluation.held_out();
  const int64_t clip_frames = source.shape.clip_frames;
  const auto kinds = violation_kinds(source);
  if (kinds.empty()) report.notes.push_back("no surprise: the world can show no impossible event");
  if (clip_frames < kLeastSurpriseClip) {
    report.notes.push_back(c10::str("no surprise: clips of ", clip_frames,
                                    " frames leave nothing before the event; it needs ",
                                    kLeastSurpriseClip));
    return report;
  }
  AllVerdicts all;
  for (const auto kind : kinds) run_kind(evaluation, kind, all, report);
  all.report_to(report);
  return report;
}

NF_REGISTER_LONG_SUITE(surprise, "whether impossible events surprise more than possible ones",
                       run_surprise, {.steps = true, .has_simulator = true})

}  // namespace
}  // namespace nextframe
