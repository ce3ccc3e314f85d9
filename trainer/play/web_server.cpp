#include "trainer/play/web_server.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "launch/error.h"
#include "launch/signals.h"
#include "launch/world.h"
#include "trainer/exit_code.h"
#include "trainer/json_text.h"
#include "trainer/play/work_thread.h"

namespace nextframe {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using Request = http::request<http::string_body>;

constexpr auto kRequestLimit = std::chrono::seconds(30);
constexpr auto kPause = std::chrono::milliseconds(100);  // after an accept that failed
constexpr uint32_t kMostHeaderBytes = 16 << 10;
constexpr uint64_t kMostBodyBytes = 1 << 10;
constexpr int64_t kMostConnections = 64;
constexpr const char* kPageRules =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self' ws:; img-src blob: data:; base-uri 'none'; form-action 'none'";

/// 128 random bits.
std::string make_token() {
  std::random_device source;
  std::string token;
  for (int word = 0; word < 4; ++word) {
    const uint32_t bits = source();
    for (int shift = 28; shift >= 0; shift -= 4) token += "0123456789abcdef"[bits >> shift & 15];
  }
  return token;
}

/// "/TOKEN/rest" as its two parts.
struct Target {
  explicit Target(const std::string& path) {
    const auto query = path.find('?');
    const std::string bare = path.substr(0, query);
    if (bare.empty() || bare[0] != '/') return;
    const auto slash = bare.find('/', 1);
    token = bare.substr(1, slash == std::string::npos ? slash : slash - 1);
    if (slash != std::string::npos) rest = bare.substr(slash);
  }
  std::string token, rest;
};

tcp::endpoint endpoint_of(asio::io_context& context, const WebServerOptions& options) {
  beast::error_code problem;
  tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, problem);
  if (problem || found.empty()) {
    throw UsageError("play: --host " + options.host + " is no address or name of this machine (" +
                     problem.message() + "); 127.0.0.1 is for this machine alone");
  }
  return found.begin()->endpoint();
}

}  // namespace

bool are_equal_in_constant_time(const std::string& expected, const std::string& given) {
  size_t difference = expected.size() ^ given.size();
  for (size_t i = 0; i < given.size(); ++i) {
    const auto wanted =
        static_cast<unsigned char>(expected.empty() ? 0 : expected[i % expected.size()]);
    difference |= static_cast<size_t>(wanted ^ static_cast<unsigned char>(given[i]));
  }
  return difference == 0;
}

class WebServer::Server {
 public:
  Server(const WebServerOptions& options, std::string page, MakeClient make_client)
      : options_(options),
        page_(std::move(page)),
        make_client_(std::move(make_client)),
        acceptor_(context_),
        pause_(context_),
        signals_(context_),
        recordings_([] { set_torch_threads(1); }),
        dreams_([threads = options.threads] { set_torch_threads(threads); }) {
    listen();
  }

  std::string address() const {
    const auto own = acceptor_.local_endpoint().address();
    auto host = own.is_unspecified() ? asio::ip::host_name() : own.to_string();
    if (own.is_v6() && !own.is_unspecified()) host = "[" + host + "]";
    return "http://" + host + ":" + std::to_string(port()) + "/" + token_ + "/";
  }

  uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void run() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      if (!is_ignored(signal)) signals_.add(signal);
    }
    signals_.async_wait([this](const beast::error_code& problem, int) {
      if (problem) return;
      signals_.clear();  // the next one has its usual effect
      context_.stop();
    });
    accept();
    context_.run();
  }

 private:
  class Visit;
  class Player;

  /// Counts what there are of as long as it lives. For the network's thread.
  class Counted {
   public:
    explicit Counted(int64_t& count) : count_(&count) { ++count; }
    Counted(Counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Counted& operator=(Counted&&) = delete;
    ~Counted() {
      if (count_ != nullptr) --*count_;
    }

   private:
    int64_t* count_;
  };

  void listen() {
    const auto endpoint = endpoint_of(context_, options_);
    beast::error_code problem;
    acceptor_.open(endpoint.protocol(), problem);
    if (!problem) acceptor_.set_option(asio::socket_base::reuse_address(true), problem);
    if (!problem) acceptor_.bind(endpoint, problem);
    if (!problem) acceptor_.listen(asio::socket_base::max_listen_connections, problem);
    if (!problem) return;
    throw EnvironmentError("play: cannot listen on " + options_.host + ", port " +
                           std::to_string(options_.port) + ": " + problem.message() +
                           "; give another --port, or --port 0 for one that is free");
  }

  void accept();

  const WebServerOptions options_;
  const std::string token_ = make_token(), page_;
  const MakeClient make_client_;
  int64_t num_connections_ = 0, num_players_ = 0;
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::signal_set signals_;
  WorkThread recordings_, dreams_;  // end first: their work hands answers to the context
};

/// One player: a message is read, answered by the dreams' thread, written, and then the next one is
/// read. So a player who does not read what is sent is not computed for either.
class WebServer::Server::Player : public std::enable_shared_from_this<Player> {
 public:
  Player(Server& server, beast::tcp_stream stream, Counted connection)
      : server_(server), connection_(std::move(connection)), socket_(std::move(stream)) {}

  void begin(const Request& request) {
    auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::server);
    timeouts.keep_alive_pings = true;
    socket_.set_option(timeouts);
    socket_.read_message_max(kMostMessageBytes);
    socket_.auto_fragment(false);
    socket_.async_accept(request, [self = shared_from_this()](const beast::error_code& problem) {
      if (problem) return;
      if (self->server_.num_players_ >= self->server_.options_.most_players) {
        self->turn_away();
      } else {
        self->place_.emplace(self->server_.num_players_);
        self->compute(self->server_.dreams_, [self] { return self->greet(); });
      }
    });
  }

 private:
  PlayReply greet() noexcept {
    try {
      client_ = server_.make_client_();
      return client_->hello();
    } catch (...) {
      return error_reply(describe_failure(std::current_exception()).message);
    }
  }

  static PlayReply error_reply(const std::string& text) {
    return {false, json_text(nlohmann::json{{"kind", "error"}, {"text", text}})};
  }

  void turn_away() {
    reply_ = error_reply("all " + std::to_string(server_.options_.most_players) +
                         " places are taken; come back when a player has left, or start with a " +
                         "larger --players");
    socket_.text(true);
    socket_.async_write(asio::buffer(reply_.bytes),
                        [self = shared_from_this()](const beast::error_code& problem, size_t) {
                          if (!problem) self->close(websocket::close_code::try_again_later);
                        });
  }

  void close(websocket::close_code code) {
    socket_.async_close(code, [self = shared_from_this()](const beast::error_code&) {});
  }

  /// What `work` returns is sent.
  void compute(WorkThread& thread, std::function<PlayReply()> work) {
    thread.add([self = shared_from_this(), work = std::move(work)]() mutable {
      self->reply_ = work();
      work = nullptr;
      auto& context = self->server_.context_;
      asio::post(context, [self = std::move(self)] { self->send(); });
    });
  }

  void send() {
    socket_.binary(reply_.is_binary);
    socket_.async_write(asio::buffer(reply_.bytes),
                        [self = shared_from_this()](const beast::error_code& problem, size_t) {
                          if (problem) return;
                          if (self->client_) return self->receive();
                          self->close(websocket::close_code::internal_error);
                        });
  }

  void receive() {
    message_.clear();
    socket_.async_read(
        message_, [self = shared_from_this()](const beast::error_code& problem, size_t) {
          if (problem) return;  // has left, or sent too much: the socket says so itself
          auto text = beast::buffers_to_string(self->message_.data());
          if (self->socket_.got_binary()) text.clear();  // answered as what it is: no message
          auto& server = self->server_;
          const bool is_beside = PlayClient::is_for_another_thread(text);
          self->compute(is_beside ? server.recordings_ : server.dreams_,
                        [self, text = std::move(text)] { return self->client_->answer(text); });
        });
  }

  Server& server_;
  Counted connection_;
  std::optional<Counted> place_;
  websocket::stream<beast::tcp_stream> socket_;
  beast::flat_buffer message_;
  PlayReply reply_;
  std::unique_ptr<PlayClient> client_;
};

/// One connection, until it is a player's: requests are answered one after the other.
class WebServer::Server::Visit : public std::enable_shared_from_this<Visit> {
 public:
  Visit(Server& server, tcp::socket socket)
      : server_(server), connection_(server.num_connections_), stream_(std::move(socket)) {}

  void receive() {
    parser_.emplace();
    parser_->header_limit(kMostHeaderBytes);
    parser_->body_limit(kMostBodyBytes);
    stream_.expires_after(kRequestLimit);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const beast::error_code& problem, size_t) {
          if (problem == http::error::header_limit || problem == http::error::body_limit) {
            self->answer(http::status::payload_too_large, "the request is too long");
          } else if (!problem) {
            self->obey(self->parser_->release());
          }
        });
  }

 private:
  void obey(const Request& request) {
    keeps_alive_ = request.keep_alive();
    const Target target{std::string(request.target())};
    if (!are_equal_in_constant_time(server_.token_, target.token)) {
      answer(http::status::forbidden,
             "This address lacks the right token. Take the whole address that nextframe play "
             "printed; it changes with every start.");
    } else if (websocket::is_upgrade(request) && target.rest == "/play") {
      stream_.expires_never();  // the WebSocket has limits of its own
      std::make_shared<Player>(server_, std::move(stream_), std::move(connection_))->begin(request);
    } else if (request.method() != http::verb::get) {
      answer(http::status::method_not_allowed, "There is only GET here.");
    } else if (target.rest == "/") {
      answer(http::status::ok, server_.page_, "text/html; charset=utf-8");
    } else {
      answer(http::status::not_found, "There is no such page; the game is at /TOKEN/.");
    }
  }

  void answer(http::status status, const std::string& body,
              const char* type = "text/plain; charset=utf-8") {
    response_ = {status, 11};
    response_.set(http::field::content_type, type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("Referrer-Policy", "no-referrer");
    response_.set(http::field::x_frame_options, "DENY");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.set("Content-Security-Policy", kPageRules);
    response_.keep_alive(keeps_alive_ && status == http::status::ok);
    response_.body() = body;
    response_.prepare_payload();
    http::async_write(stream_, response_,
                      [self = shared_from_this()](const beast::error_code& problem, size_t) {
                        if (problem) return;
                        if (self->response_.keep_alive()) return self->receive();
                        beast::error_code ignored;
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                      });
  }

  Server& server_;
  Counted connection_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  bool keeps_alive_ = false;
};

void WebServer::Server::accept() {
  acceptor_.async_accept([this](const beast::error_code& problem, tcp::socket socket) {
    if (problem) {  // out of file descriptors, perhaps: the visitors there are go on
      pause_.expires_after(kPause);
      pause_.async_wait([this](const beast::error_code& stopped) {
        if (!stopped) accept();
      });
      return;
    }
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (num_connections_ < kMostConnections) {
      std::make_shared<Visit>(*this, std::move(socket))->receive();
    }
    accept();
  });
}

WebServer::WebServer(const WebServerOptions& options, std::string page, MakeClient make_client)
    : server_(std::make_shared<Server>(options, std::move(page), std::move(make_client))) {}

WebServer::~WebServer() = default;

std::string WebServer::address() const { return server_->address(); }

uint16_t WebServer::port() const { return server_->port(); }

void WebServer::run() { server_->run(); }

}  // namespace nextframe
