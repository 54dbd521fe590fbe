// A heap that ends whoever asks it for anything: linked into a keeper to prove that it never does. What libc
// itself asks for before any constructor runs (static programs prepare for dlopen) comes out of a small area.
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace {

alignas(16) char early[4096];
std::size_t used = 0;
volatile bool sealed = false;  // volatile: the compiler would run the constructor at build time

__attribute__((constructor(101))) void seal() { sealed = true; }

[[noreturn]] void refuse() {
  static constexpr char text[] = "holdfast-keeper: somebody asked for heap\n";
  (void)!::write(2, text, sizeof text - 1);
  std::abort();
}

void* take(std::size_t size) {
  if (sealed || size > sizeof early - used) refuse();
  char* memory = early + used;
  used += (size + 15) / 16 * 16;
  return memory;
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) { return take(size); }
void* calloc(std::size_t count, std::size_t size) { return take(count * size); }
void* realloc(void*, std::size_t) { refuse(); }
void* memalign(std::size_t, std::size_t) { refuse(); }
void* aligned_alloc(std::size_t, std::size_t) { refuse(); }
int posix_memalign(void**, std::size_t, std::size_t) { refuse(); }
void free(void* memory) {
  if (memory != nullptr && sealed) refuse();
}
}
