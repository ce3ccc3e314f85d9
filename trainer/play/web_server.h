// Serves dreams to browsers: one page over HTTP, and a WebSocket for each player.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "trainer/play/play_client.h"

namespace nextframe {

struct WebServerOptions {
  std::string host = "127.0.0.1";  // an address or a name of this machine
  uint16_t port = 0;               // 0: one that is free
  int64_t most_players = 8;        // at a time
  int64_t threads = 1;             // of LibTorch, for the players' dreams
};

/// One thread for the network, one for all dreams, and one for all recordings. Every request must
/// carry a random token as the first part of its path; a wrong one is refused with 403 after a
/// comparison in constant time. A player who has left, sends what is no message, or sends one of
/// more than kMostMessageBytes, is nobody else's trouble.
class WebServer {
 public:
  using MakeClient = std::function<std::unique_ptr<PlayClient>()>;

  /// Listens from here on. `page` is the HTML. UsageError for a host that is none, EnvironmentError
  /// for a port that cannot be had.
  WebServer(const WebServerOptions& options, std::string page, MakeClient make_client);
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  /// "http://127.0.0.1:41234/TOKEN/"
  std::string address() const;
  uint16_t port() const;

  /// Until SIGINT, SIGTERM or SIGHUP. A second one ends the program at once.
  void run();

 private:
  class Server;
  std::shared_ptr<Server> server_;
};

/// Whether two texts are equal, in a time that depends on the length of `given` only.
bool are_equal_in_constant_time(const std::string& expected, const std::string& given);

}  // namespace nextframe
