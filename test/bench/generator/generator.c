// The load generator, a process of its own: many MQTT connections that send ready-made QoS 1 PUBLISH packets, of which only
// packet id and timestamps are written anew. In C, so that it costs a broker's machine little more than its system calls.
//
//   generator JOB LATENCIES      JOB: what job-file.ts writes.  LATENCIES: the file that gets the latencies, 32-bit microseconds
//
// Commands come on stdin, answers as lines of JSON on stdout:
//   (started)               {"connected":N,"retries":N}             every connection is accepted
//   run                     {"messages":N,"elapsedMs":N,"cpuMs":N}  each has sent its messages and has all acknowledgements
//   publish RATE SECONDS    {"published":N}                         so many a second, from one connection after the other
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "job.h"
#include "timers.h"

enum { EVENTS_AT_ONCE = 1024, READ_BYTES = 4096, RETRY_US = 100000, TICK_MS = 5, STDIN_TOKEN = -1 };
// MQTT 3.1.1, 2.2.1: the first byte of what a broker sends; all of them are short enough for one byte of length.
enum { CONNACK = 0x20, PUBACK = 0x40, PINGRESP = 0xd0 };
static const uint8_t PINGREQ[] = {0xc0, 0}, DISCONNECT[] = {0xe0, 0};

static Job job;
static int poller;
static uint32_t connecting, next_to_connect, open_devices, retries, finished;
static Timers retrying, sending;
static uint32_t *latencies;
static size_t latencies_length, latencies_room;
static int is_running;
static int64_t run_began_us, cpu_before_us, acked_by_all;
/// Work in equal steps over all devices: `rate` a second since `began_us`, until `until_us`.
typedef struct { double rate; int64_t began_us, until_us; uint64_t done; uint32_t next; } Pace;
static Pace pinging, publishing;
static uint64_t published;

static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  exit(1);
}

static int64_t used_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/// What the socket does not take now it gets when it has room again.
static void put(Device *device, const uint8_t *bytes, size_t length) {
  ssize_t taken = 0;
  if (device->waiting_length == 0) {
    taken = send(device->fd, bytes, length, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN) fail("%s: send: %s", device->name, strerror(errno));
    if (taken < 0) taken = 0;
  }
  size_t left = length - (size_t)taken;
  if (left == 0) return;
  device->waiting = grow(device->waiting, device->waiting_length + left);
  memcpy(device->waiting + device->waiting_length, bytes + taken, left);
  device->waiting_length += left;
}

static void put_waiting(Device *device) {
  ssize_t taken = send(device->fd, device->waiting, device->waiting_length, MSG_NOSIGNAL);
  if (taken < 0) return;
  device->waiting_length -= (size_t)taken;
  memmove(device->waiting, device->waiting + taken, device->waiting_length);
}

static void publish(Device *device, int64_t now_us) {
  Template *template = &device->templates[device->sent % job.variants];
  uint32_t id = 1 + device->sent % 65535;
  template->packet[template->id_at] = (uint8_t)(id >> 8);
  template->packet[template->id_at + 1] = (uint8_t)id;
  for (uint32_t index = 0; index < job.events; index++) {
    int64_t at_ms;
    if (job.has_backlog) {
      at_ms = (int64_t)(job.backlog_first_ms + ((double)device->sent * job.events + index) * job.backlog_step_ms);
    } else {
      at_ms = now_of_day_ms();
      if (at_ms <= device->last_ms) at_ms = device->last_ms + 1;
      device->last_ms = at_ms;
    }
    write_timestamp(template->packet + template->timestamps_at[index], at_ms);
  }
  device->sent_at_us[device->sent % job.in_flight] = now_us;
  device->sent++;
  put(device, template->packet, template->length);
}

/// So many more may be under way: at once, or when their time has come.
static void publish_when_due(Device *device, uint32_t count, int64_t now_us) {
  for (; count > 0; count--) {
    if (device->sent + device->planned >= job.messages) return;
    device->due_us += (int64_t)(job.period_ms * 1000);
    if (job.period_ms == 0 || device->due_us <= now_us) publish(device, now_us);
    else {
      device->planned++;
      timers_add(&sending, device->due_us, device->number);
    }
  }
}

static void begin_run(int64_t now_us) {
  run_began_us = now_us;
  cpu_before_us = used_us();
}

static void write_latencies(void) {
  FILE *file = fopen(job.latencies_path, "wb");
  if (file == NULL) fail("%s: %s", job.latencies_path, strerror(errno));
  fwrite(latencies, sizeof *latencies, latencies_length, file);
  fclose(file);
  latencies_length = 0;
}

static void finish_run(int64_t now_us) {
  write_latencies();
  printf("{\"messages\":%llu,\"elapsedMs\":%.3f,\"cpuMs\":%.3f}\n", (unsigned long long)job.messages * job.devices,
         (now_us - run_began_us) / 1000.0, (used_us() - cpu_before_us) / 1000.0);
  exit(0);
}

static void finish_device(Device *device, int64_t now_us) {
  put(device, DISCONNECT, sizeof DISCONNECT);
  close(device->fd);
  device->state = FINISHED;
  if (++finished == job.devices) finish_run(now_us);
}

static void acknowledged(Device *device, int64_t now_us) {
  if (device->acked == device->sent) fail("%s: an acknowledgement too many", device->name);
  if (latencies_length == latencies_room) {
    latencies_room = latencies_room == 0 ? 1 << 20 : 2 * latencies_room;
    latencies = grow(latencies, latencies_room * sizeof *latencies);
  }
  int64_t sent_at_us = device->sent_at_us[device->acked % job.in_flight];
  if (!is_running || device->acked >= job.warm_up) latencies[latencies_length++] = (uint32_t)(now_us - sent_at_us);
  device->acked++;
  if (!is_running) return;
  acked_by_all++;
  if (acked_by_all == (int64_t)job.warm_up * job.devices) begin_run(now_us);
  publish_when_due(device, 1, now_us);
  if (device->acked == job.messages) finish_device(device, now_us);
}

static void accepted(Device *device) {
  device->state = OPEN;
  connecting--;
  if (++open_devices == job.devices) printf("{\"connected\":%u,\"retries\":%u}\n", open_devices, retries);
}

/// Not accepted: again in a while, if the job is patient.
static void refused(Device *device, const char *reason, int64_t now_us) {
  if (!job.is_patient) fail("%s: %s", device->name, reason);
  close(device->fd);
  device->state = CLOSED;
  device->waiting_length = 0;
  connecting--;
  retries++;
  timers_add(&retrying, now_us + RETRY_US, device->number);
}

static void open_device(Device *device, int64_t now_us) {
  device->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (device->fd < 0) fail("%s: socket: %s (file limits are per process)", device->name, strerror(errno));
  int yes = 1;
  setsockopt(device->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (job.source_address != 0) {
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(job.source_address)};
    setsockopt(device->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(device->fd, (struct sockaddr *)&source, sizeof source) != 0) fail("bind: %s", strerror(errno));
  }
  device->state = CONNECTING;
  device->is_connect_sent = 0;
  device->head_length = 0;
  connecting++;
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)job.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int is_under_way = connect(device->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS;
  if (!is_under_way) return refused(device, strerror(errno), now_us);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = device->number};
  epoll_ctl(poller, EPOLL_CTL_ADD, device->fd, &event);
}

static void open_more(int64_t now_us) {
  while (connecting < job.connects_at_once) {
    uint32_t number;
    if (timers_take(&retrying, now_us, &number)) open_device(&job.all[number], now_us);
    else if (next_to_connect < job.devices) open_device(&job.all[next_to_connect++], now_us);
    else return;
  }
}

static void answered(Device *device, int64_t now_us) {
  uint8_t type = device->head[0];
  if (type == PUBACK) return acknowledged(device, now_us);
  if (type == PINGRESP) return;
  if (type != CONNACK || device->state != CONNECTING) fail("%s: an answer of type %02x", device->name, type);
  if (device->head[3] == 0) accepted(device);
  else refused(device, "CONNECT refused", now_us);
}

static void read_answers(Device *device, int64_t now_us) {
  static uint8_t bytes[READ_BYTES];
  ssize_t length;
  do {
    length = recv(device->fd, bytes, sizeof bytes, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0 && device->state == CONNECTING) return refused(device, "closed before CONNACK", now_us);
    if (length <= 0) fail("%s: the broker closed the connection", device->name);
    for (ssize_t at = 0; at < length; at++) {
      device->head[device->head_length++] = bytes[at];
      if (device->head_length < 2) continue;
      if (device->head[1] > ANSWER_BYTES - 2) fail("%s: an answer of %u bytes", device->name, 2 + device->head[1]);
      if (device->head_length < 2u + device->head[1]) continue;
      device->head_length = 0;
      answered(device, now_us);
      if (device->state == CLOSED || device->state == FINISHED) return;
    }
  } while (length == sizeof bytes);
}

static void ready(Device *device, uint32_t events, int64_t now_us) {
  if (device->state == CLOSED || device->state == FINISHED) return;
  if (device->state == CONNECTING && !device->is_connect_sent && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
    device->is_connect_sent = 1;
    put(device, device->connect, device->connect_length);
  } else if ((events & EPOLLOUT) && device->waiting_length > 0) put_waiting(device);
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read_answers(device, now_us);
}

/// Does with the next devices what has come due by now.
static void keep_pace(Pace *pace, int64_t now_us, void (*work)(Device *, int64_t)) {
  if (pace->rate == 0 || now_us >= pace->until_us) return;
  for (uint64_t due = (uint64_t)((now_us - pace->began_us) / 1e6 * pace->rate); pace->done < due; pace->done++) {
    Device *device = &job.all[pace->next];
    pace->next = pace->next + 1 < job.devices ? pace->next + 1 : 0;
    if (device->state == OPEN) work(device, now_us);
  }
}

static void ping(Device *device, int64_t now_us) {
  (void)now_us;
  put(device, PINGREQ, sizeof PINGREQ);
}

static void publish_one(Device *device, int64_t now_us) {
  if (device->sent != device->acked) return; // Not answered yet: it waits for its turn.
  publish(device, now_us);
  published++;
}

static void start_run(int64_t now_us) {
  is_running = 1;
  begin_run(now_us);
  for (uint32_t number = 0; number < job.devices; number++) {
    // Spread over the first period, as devices are that know nothing of each other.
    job.all[number].due_us = now_us + (int64_t)(((double)number / job.devices - 1) * job.period_ms * 1000);
    publish_when_due(&job.all[number], job.in_flight, now_us);
  }
}

static void obey(int64_t now_us) {
  char line[128];
  ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
  if (length <= 0) exit(0);
  line[length] = 0;
  double rate, seconds;
  if (strcmp(line, "run\n") == 0) start_run(now_us);
  else if (sscanf(line, "publish %lf %lf", &rate, &seconds) == 2) {
    publishing = (Pace){.rate = rate, .began_us = now_us, .until_us = now_us + (int64_t)(seconds * 1e6)};
    published = 0;
  } else fail("not a command: %s", line);
}

static void end_publishing(int64_t now_us) {
  if (publishing.rate == 0 || now_us < publishing.until_us) return;
  publishing.rate = 0;
  write_latencies();
  printf("{\"published\":%llu}\n", (unsigned long long)published);
}

int main(int count, char **arguments) {
  if (count != 3) fail("usage: generator JOB LATENCIES");
  if (!read_job(&job, arguments[1], arguments[2])) fail("%s: not a job", arguments[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event input = {.events = EPOLLIN, .data.u64 = (uint64_t)STDIN_TOKEN};
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  pinging = (Pace){.rate = job.pings_per_s, .began_us = now_us(), .until_us = INT64_MAX};
  static struct epoll_event events[EVENTS_AT_ONCE];
  for (;;) {
    open_more(now_us());
    int64_t began_us = now_us();
    keep_pace(&pinging, began_us, ping);
    keep_pace(&publishing, began_us, publish_one);
    end_publishing(began_us);
    for (uint32_t number; timers_take(&sending, began_us, &number);) {
      job.all[number].planned--;
      publish(&job.all[number], began_us);
    }
    int has_timers = pinging.rate > 0 || publishing.rate > 0 || retrying.length > 0 || sending.length > 0;
    int found = epoll_wait(poller, events, EVENTS_AT_ONCE, has_timers ? TICK_MS : -1);
    for (int index = 0; index < found; index++) {
      int64_t at_us = now_us();
      if (events[index].data.u64 == (uint64_t)STDIN_TOKEN) obey(at_us);
      else ready(&job.all[events[index].data.u64], events[index].events, at_us);
    }
  }
}
