#pragma once

#include "http/io_thread.hpp"
#include "http/reply.hpp"
#include "http/request_reader.hpp"
#include "http/router.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace keyfold::http {

/// One client's connection: reads requests, hands them to their endpoints, sends the answers in the
/// order of the requests. Everything runs on its I/O thread. Deadlines are absolute and looked at
/// by `tick`, which costs less than a timer per request.
///
/// A subclass brings the transport.
class connection : public std::enable_shared_from_this<connection> {
public:
  using clock = io_thread::clock;

  connection(io_thread& thread, bind_kind bind, std::string address);
  virtual ~connection() = default;

  /// Begins reading, or the handshake.
  virtual void start() = 0;
  /// Answers request `number`; without effect if it has been answered.
  void answer(uint64_t number, const reply& x);
  /// Acts on what has taken too long.
  void tick(clock::time_point now);
  /// Closes after the answers that are due.
  void begin_drain();
  /// Closes at once. The connection is gone from its thread's list afterwards.
  void close();

  size_t place = 0; ///< in the thread's list

protected:
  /// Reads some bytes; then `on_read`.
  virtual void read_some(boost::asio::mutable_buffer to) = 0;
  /// Writes all of `from`. True if that is done; else `on_written` follows.
  virtual bool write_all(boost::asio::const_buffer from) = 0;
  /// Tells the peer that nothing more comes.
  virtual void end_writing() = 0;
  virtual void close_socket() = 0;

  void begin_reading();
  void on_read(boost::system::error_code problem, size_t size);
  void on_written(boost::system::error_code problem);

private:
  /// A request whose answer has not been sent.
  struct slot {
    endpoint what = endpoint::other;
    bool answered = false;
    bool head = false;
    bool keep_alive = true;
    bool old_version = false;
    clock::time_point begun;
    clock::time_point deadline;
    std::string text; ///< the answer, while an earlier one is missing
  };
  enum class phase : uint8_t { none, idle, header, body };

  void process();
  bool may_take_request() const noexcept;
  void on_header();
  void on_request();
  void on_refusal(fault what, std::string_view detail, std::string_view fields, bool close_after);
  bool granted(const route& to, const request_reader::request_type& message);
  uint64_t open_slot(endpoint what, bool keep_alive);
  slot& at(uint64_t number) noexcept { return slots_[number % slots_.size()]; }
  void release_answered();
  void say_continue();
  void flush();
  void finish();
  void read_more();
  void update_phase();
  std::chrono::milliseconds patience(endpoint what) const noexcept;

  io_thread& thread_;
  const server_settings& settings_;
  const bind_kind bind_;
  const std::string address_;
  request_reader reader_;
  boost::beast::flat_buffer input_;
  const route* route_ = nullptr;
  bool target_fresh_ = false; // the thread's `where` is of the request being read

  std::vector<slot> slots_; // a ring: requests first_ to next_
  uint64_t first_ = 0;
  uint64_t next_ = 0;
  std::string output_;  // answers to be written
  std::string written_; // being written

  clock::time_point now_; // of the last event
  clock::time_point read_deadline_;
  clock::time_point write_deadline_;
  phase phase_ = phase::none;
  size_t discarded_ = 0;
  bool fresh_ = true; // no request has been read yet
  bool working_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool closing_ = false;   // takes no more requests
  bool lingering_ = false; // all is sent; what still comes is thrown away
  bool read_ended_ = false;
  bool continue_due_ = false;
  bool closed_ = false;
};

std::shared_ptr<connection> make_plain_connection(io_thread& thread,
                                                  boost::asio::ip::tcp::socket socket,
                                                  bind_kind bind, std::string address);
std::shared_ptr<connection> make_tls_connection(io_thread& thread,
                                                boost::asio::ip::tcp::socket socket,
                                                std::shared_ptr<boost::asio::ssl::context> context,
                                                bind_kind bind, std::string address);

} // namespace keyfold::http
