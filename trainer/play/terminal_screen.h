// A terminal as a screen with a keyboard: keys come one by one, nothing is echoed, and the cursor
// is hidden. The terminal is put back whatever ends the program, but for SIGKILL.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

struct TerminalSize {
  int64_t columns = 80, rows = 24;
};

/// One at a time.
class TerminalScreen {
 public:
  /// Takes standard input and output. UsageError if they are no terminal.
  TerminalScreen();
  ~TerminalScreen();
  TerminalScreen(const TerminalScreen&) = delete;
  TerminalScreen& operator=(const TerminalScreen&) = delete;

  TerminalSize size() const;

  /// Waits for keys, up to `limit_ms`. One text each: a character, "up", "down", "left", "right",
  /// or "tab", "enter", "escape". A signal that asks the program to end, Ctrl-C and the terminal's
  /// end are "end"; Ctrl-Z is "suspend".
  std::vector<std::string> keys(int64_t limit_ms);

  /// Draws `text` from the top left corner on; lines are joined by "\n", and none depends on the
  /// colours of another. Sends those that are others than on the screen.
  void show(const std::string& text);

  /// Gives the terminal back to the shell until the program is continued (fg).
  void suspend();

 private:
  std::vector<std::string> drawn_;  // lines on the screen
  TerminalSize drawn_size_{0, 0};
};

/// What a terminal sends, as keys() gives it; keys that it does not name are left out.
std::vector<std::string> keys_from(const std::string& bytes);

}  // namespace nextframe
