// A Node-API module without functions. Loading it loads TensorFlow's libraries, whose static initialisers write notes to
// standard error before any setting of theirs is read: this holds the stream back meanwhile, drops the notes and
// writes everything else.
#include <dlfcn.h>
#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

bool is_note(const std::string& line) {
  const bool info = line.size() > 5 && line[0] == 'I' && line.find_first_not_of("0123456789", 1) == 5;
  return info || line.find("before absl::InitializeLog() is called") != std::string::npos;
}

void write_all_but_notes(const std::string& text) {
  for (size_t from = 0; from < text.size();) {
    const size_t end = text.find('\n', from);
    const size_t next = end == std::string::npos ? text.size() : end + 1;
    const std::string line = text.substr(from, next - from);
    if (!is_note(line)) fputs(line.c_str(), stderr);
    from = next;
  }
}

// @returns the loader's words where it fails, else an empty text
std::string open_libraries() {
  for (const char* name : {"libtensorflow_framework.so.2", "libtensorflow_cc.so.2"}) {
    if (dlopen(name, RTLD_NOW) == nullptr) return dlerror();
  }
  return "";
}

std::string open_quietly() {
  const char* level = getenv("TF_CPP_MIN_LOG_LEVEL");
  if (level != nullptr && strcmp(level, "0") == 0) return open_libraries();
  const int held = memfd_create("stderr", MFD_CLOEXEC);
  const int kept = dup(STDERR_FILENO);
  if (held < 0 || kept < 0) return open_libraries();
  fflush(stderr);
  dup2(held, STDERR_FILENO);
  const std::string problem = open_libraries();
  fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  std::string text(lseek(held, 0, SEEK_END), '\0');
  const ssize_t size = pread(held, text.data(), text.size(), 0);
  close(held);
  if (size > 0) write_all_but_notes(text.substr(0, size));
  return problem;
}

}  // namespace

NAPI_MODULE_INIT() {
  static std::once_flag once;
  static std::string problem;
  std::call_once(once, [] { problem = open_quietly(); });
  if (!problem.empty()) napi_throw_error(env, nullptr, problem.c_str());
  return exports;
}
