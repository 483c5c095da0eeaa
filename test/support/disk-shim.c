// LD_PRELOAD library that records what a process does to the files below one folder, in one total order, or breaks it.
//
//   DISK_SHIM_ROOT   the folder; files elsewhere are left alone
//   DISK_SHIM_LOG    record every call here (format: see `record`)
//   DISK_SHIM_MARKS  what is written to this file is recorded as a mark between the calls
//   DISK_SHIM_FAULT  enospc | eio | short | kill | drop (calls answer success and do nothing)
//   DISK_SHIM_CALLS  the calls that the fault befalls: write, truncate, sync, open, name (comma separated)
//   DISK_SHIM_FILES  a piece of the names of the files that the fault befalls; none: all
//   DISK_SHIM_AT     only the k-th such call, counted from 1; none: every one
//   DISK_SHIM_FLAG   only while this file exists; it is looked for at each call
//
// One lock is held through every call on the folder, so the order of the log is the order of what happened.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS_MAX = 65536, FILES_MAX = 65536, MARKS = -1 };
enum { OPEN = 1, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, MKDIR, SYNC_DIRECTORY, MARK, START };
enum { NO_FAULT, ENOSPC_FAULT, EIO_FAULT, SHORT_FAULT, KILL_FAULT, DROP_FAULT };

typedef struct {
  ino_t inode;
  int named;
  int directory;
  char path[512];
} File;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static File files[FILES_MAX]; // number 0 is never given out
static int files_length = 1;
static int file_of_fd[FDS_MAX]; // 0: not below the folder
static char root[PATH_MAX];
static size_t root_length;
static char marks[PATH_MAX];
static int log_fd = -1;
static int fault = NO_FAULT;
static const char *fault_name, *fault_calls, *fault_files, *fault_flag;
static long fault_at, fault_calls_seen;

// The function that this library stands before, looked up once at each place of use.
#define REAL(name) ({ static __typeof__(&name) found; if (found == NULL) found = (__typeof__(&name))real(#name); found; })

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

// record = kind (u32), file number (u32), offset (u64), bytes (u32), all little-endian, then the bytes.
// A path is given relative to the folder; `offset` of an OPEN is 1 when it made the file. START, without bytes, is
// written by each process at its begin: file numbers are those of the process.
static void record(uint32_t kind, uint32_t file, uint64_t offset, const struct iovec *parts, int parts_length, size_t bytes) {
  if (log_fd < 0) return;
  int kept = errno;
  uint32_t words[5] = {kind, file, (uint32_t)offset, (uint32_t)(offset >> 32), (uint32_t)bytes};
  if (REAL(write)(log_fd, words, sizeof words) != sizeof words) abort();
  for (int part = 0; part < parts_length && bytes > 0; part++) {
    size_t length = parts[part].iov_len < bytes ? parts[part].iov_len : bytes;
    if (REAL(write)(log_fd, parts[part].iov_base, length) != (ssize_t)length) abort();
    bytes -= length;
  }
  errno = kept;
}

static void start(void) {
  const char *folder = getenv("DISK_SHIM_ROOT");
  if (folder == NULL || realpath(folder, root) == NULL) return;
  root_length = strlen(root);
  if (getenv("DISK_SHIM_MARKS") != NULL) snprintf(marks, sizeof marks, "%s", getenv("DISK_SHIM_MARKS"));
  if (getenv("DISK_SHIM_LOG") != NULL)
    log_fd = REAL(open)(getenv("DISK_SHIM_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  static const char *names[] = {"", "enospc", "eio", "short", "kill", "drop"};
  fault_name = getenv("DISK_SHIM_FAULT");
  for (int kind = ENOSPC_FAULT; fault_name != NULL && kind <= DROP_FAULT; kind++)
    if (strcmp(fault_name, names[kind]) == 0) fault = kind;
  fault_calls = getenv("DISK_SHIM_CALLS");
  fault_files = getenv("DISK_SHIM_FILES");
  fault_flag = getenv("DISK_SHIM_FLAG");
  fault_at = getenv("DISK_SHIM_AT") == NULL ? 0 : atol(getenv("DISK_SHIM_AT"));
  record(START, 0, 0, NULL, 0, 0);
}

static void enter(void) {
  pthread_once(&once, start);
  pthread_mutex_lock(&lock);
}

static void leave(void) {
  int kept = errno;
  pthread_mutex_unlock(&lock);
  errno = kept;
}

static void record_text(uint32_t kind, uint32_t file, uint64_t offset, const char *text) {
  struct iovec part = {(void *)text, strlen(text)};
  record(kind, file, offset, &part, 1, part.iov_len);
}

// The path below the folder of an absolute path ("" is the folder itself), NULL when it is elsewhere.
static const char *below(const char *absolute) {
  if (root_length == 0 || strncmp(absolute, root, root_length) != 0) return NULL;
  if (absolute[root_length] == '\0') return "";
  return absolute[root_length] == '/' ? absolute + root_length + 1 : NULL;
}

// As `below`, of a path as a caller names it, existing or not.
static const char *below_named(const char *path, char *absolute) {
  if (root_length == 0) return NULL;
  char folder[PATH_MAX], resolved[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  const char *name = slash == NULL ? path : path + (slash - folder) + 1;
  if (slash == NULL) snprintf(folder, sizeof folder, ".");
  else if (slash == folder) folder[1] = '\0';
  else *slash = '\0';
  if (realpath(folder, resolved) == NULL) return NULL;
  if ((size_t)snprintf(absolute, PATH_MAX, "%s/%s", resolved, name) >= PATH_MAX) return NULL;
  return below(absolute);
}

static int file_of(int fd) {
  return fd >= 0 && fd < FDS_MAX ? file_of_fd[fd] : 0;
}

static int number_of(const struct stat *status, const char *path) {
  for (int number = 1; number < files_length; number++)
    if (files[number].named && files[number].inode == status->st_ino) return number;
  if (files_length == FILES_MAX) abort();
  File *file = &files[files_length];
  file->inode = status->st_ino;
  file->named = 1;
  file->directory = S_ISDIR(status->st_mode);
  snprintf(file->path, sizeof file->path, "%s", path);
  return files_length++;
}

// The file at `path` has lost that name; its inode may serve another file from now on.
static void forget(const char *path) {
  for (int number = 1; number < files_length; number++)
    if (files[number].named && strcmp(files[number].path, path) == 0) files[number].named = 0;
}

// True when the fault befalls this call.
static int struck(const char *call, const char *path) {
  if (fault == NO_FAULT || fault_calls == NULL || strstr(fault_calls, call) == NULL) return 0;
  if (fault_files != NULL && strstr(path, fault_files) == NULL) return 0;
  if (fault_flag != NULL && access(fault_flag, F_OK) != 0) return 0;
  if (fault_at != 0 && ++fault_calls_seen != fault_at) return 0;
  if (fault_at != 0) dprintf(2, "disk-shim: %s at %s %ld of %s\n", fault_name, call, fault_at, path);
  return 1;
}

// What a struck call without data answers; `done` is success without having done anything.
static int answer_struck(void) {
  if (fault == KILL_FAULT) kill(getpid(), SIGKILL);
  if (fault == DROP_FAULT || fault == SHORT_FAULT) return 0;
  errno = fault == EIO_FAULT ? EIO : ENOSPC;
  return -1;
}

// ---- writing

static ssize_t write_parts(int fd, const struct iovec *parts, int parts_length, off_t offset) {
  return offset < 0 ? REAL(writev)(fd, parts, parts_length) : REAL(pwritev)(fd, parts, parts_length, offset);
}

// A struck write: the first half of the first part may still reach the file.
static ssize_t write_struck(int fd, const struct iovec *parts, off_t offset) {
  struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
  if (fault != SHORT_FAULT && fault != KILL_FAULT) return answer_struck();
  ssize_t written = write_parts(fd, &half, 1, offset);
  if (fault == KILL_FAULT) kill(getpid(), SIGKILL);
  return written;
}

// `offset` below 0: at the file's own position.
static ssize_t write_watched(int fd, const struct iovec *parts, int parts_length, off_t offset) {
  int file = file_of(fd);
  if (file == 0) return write_parts(fd, parts, parts_length, offset);
  enter();
  off_t at = offset;
  if (offset < 0) at = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
  ssize_t written;
  if (file != MARKS && struck("write", files[file].path)) {
    size_t bytes = 0;
    for (int part = 0; part < parts_length; part++) bytes += parts[part].iov_len;
    written = fault == DROP_FAULT ? (ssize_t)bytes : write_struck(fd, parts, offset);
    if (written > 0 && fault != DROP_FAULT) record(WRITE, file, at, parts, parts_length, written);
  } else {
    written = write_parts(fd, parts, parts_length, offset);
    if (written > 0) record(file == MARKS ? MARK : WRITE, file == MARKS ? 0 : file, at, parts, parts_length, written);
  }
  leave();
  return written;
}

ssize_t write(int fd, const void *data, size_t bytes) {
  if (file_of(fd) == 0) return REAL(write)(fd, data, bytes);
  struct iovec part = {(void *)data, bytes};
  return write_watched(fd, &part, 1, -1);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
  struct iovec part = {(void *)data, bytes};
  return write_watched(fd, &part, 1, offset);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
  return pwrite64(fd, data, bytes, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_length) {
  if (file_of(fd) == 0) return REAL(writev)(fd, parts, parts_length);
  return write_watched(fd, parts, parts_length, -1);
}

ssize_t pwritev(int fd, const struct iovec *parts, int parts_length, off_t offset) {
  if (file_of(fd) == 0) return REAL(pwritev)(fd, parts, parts_length, offset);
  return write_watched(fd, parts, parts_length, offset);
}

int ftruncate64(int fd, off64_t length) {
  int file = file_of(fd);
  if (file <= 0) return REAL(ftruncate64)(fd, length);
  enter();
  int result;
  if (struck("truncate", files[file].path)) {
    result = answer_struck();
  } else {
    result = REAL(ftruncate64)(fd, length);
    if (result == 0) record(TRUNCATE, file, length, NULL, 0, 0);
  }
  leave();
  return result;
}

int ftruncate(int fd, off_t length) {
  return ftruncate64(fd, length);
}

// ---- making durable

static int sync_watched(int fd, int (*sync)(int)) {
  int file = file_of(fd);
  if (file <= 0) return sync(fd);
  enter();
  int result;
  if (struck("sync", files[file].path)) {
    result = answer_struck();
  } else {
    result = sync(fd);
    if (result == 0 && files[file].directory) record_text(SYNC_DIRECTORY, file, 0, files[file].path);
    else if (result == 0) record(SYNC, file, 0, NULL, 0, 0);
  }
  leave();
  return result;
}

int fsync(int fd) {
  return sync_watched(fd, REAL(fsync));
}

int fdatasync(int fd) {
  return sync_watched(fd, REAL(fdatasync));
}

// ---- opening and closing

static int opened(int fd, int existed, int flags) {
  char link[64], absolute[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, absolute, sizeof absolute - 1);
  if (fd >= FDS_MAX || length < 0) return fd;
  absolute[length] = '\0';
  if (marks[0] != '\0' && strcmp(absolute, marks) == 0) {
    file_of_fd[fd] = MARKS;
    return fd;
  }
  const char *path = below(absolute);
  struct stat status;
  if (path == NULL || fstat(fd, &status) != 0) return fd;
  int number = number_of(&status, path);
  file_of_fd[fd] = number;
  if (!files[number].directory) {
    record_text(OPEN, number, !existed, path);
    if (existed && (flags & O_TRUNC)) record(TRUNCATE, number, 0, NULL, 0, 0);
  }
  return fd;
}

static int open_watched(int folder, const char *path, int flags, mode_t mode) {
  pthread_once(&once, start);
  if (root_length == 0) return REAL(openat64)(folder, path, flags, mode);
  enter();
  struct stat status;
  char absolute[PATH_MAX];
  const char *name = flags & O_CREAT ? below_named(path, absolute) : NULL;
  int fd;
  if (name != NULL && struck("open", name)) {
    fd = answer_struck();
  } else {
    int existed = !(flags & O_CREAT) || fstatat(folder, path, &status, 0) == 0;
    fd = REAL(openat64)(folder, path, flags, mode);
    if (fd >= 0) opened(fd, existed, flags);
  }
  leave();
  return fd;
}

static mode_t mode_of(int flags, va_list more) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define WITH_MODE(flags, call)          \
  va_list more;                         \
  va_start(more, flags);                \
  mode_t mode = mode_of(flags, more);   \
  va_end(more);                         \
  return call

int open(const char *path, int flags, ...) {
  WITH_MODE(flags, open_watched(AT_FDCWD, path, flags, mode));
}

int open64(const char *path, int flags, ...) {
  WITH_MODE(flags, open_watched(AT_FDCWD, path, flags, mode));
}

int openat(int folder, const char *path, int flags, ...) {
  WITH_MODE(flags, open_watched(folder, path, flags, mode));
}

int openat64(int folder, const char *path, int flags, ...) {
  WITH_MODE(flags, open_watched(folder, path, flags, mode));
}

int close(int fd) {
  if (file_of(fd) == 0) return REAL(close)(fd);
  enter();
  file_of_fd[fd] = 0;
  int result = REAL(close)(fd);
  leave();
  return result;
}

// ---- names

int unlink(const char *path) {
  char absolute[PATH_MAX];
  enter();
  const char *name = below_named(path, absolute);
  int result;
  if (name != NULL && struck("name", name)) {
    result = answer_struck();
  } else {
    result = REAL(unlink)(path);
    if (result == 0 && name != NULL) {
      record_text(UNLINK, 0, 0, name);
      forget(name);
    }
  }
  leave();
  return result;
}

int rename(const char *from, const char *to) {
  char absolute_from[PATH_MAX], absolute_to[PATH_MAX];
  enter();
  const char *name_from = below_named(from, absolute_from), *name_to = below_named(to, absolute_to);
  int result;
  if (name_to != NULL && struck("name", name_to)) {
    result = answer_struck();
  } else {
    result = REAL(rename)(from, to);
    if (result == 0 && name_from != NULL && name_to != NULL) {
      struct iovec parts[] = {{(void *)name_from, strlen(name_from) + 1}, {(void *)name_to, strlen(name_to)}};
      record(RENAME, 0, 0, parts, 2, parts[0].iov_len + parts[1].iov_len);
      forget(name_to);
      for (int number = 1; number < files_length; number++)
        if (files[number].named && strcmp(files[number].path, name_from) == 0)
          snprintf(files[number].path, sizeof files[number].path, "%s", name_to);
    }
  }
  leave();
  return result;
}

int mkdir(const char *path, mode_t mode) {
  char absolute[PATH_MAX];
  enter();
  const char *name = below_named(path, absolute);
  int result;
  if (name != NULL && struck("name", name)) {
    result = answer_struck();
  } else {
    result = REAL(mkdir)(path, mode);
    if (result == 0 && name != NULL) record_text(MKDIR, 0, 0, name);
  }
  leave();
  return result;
}
