// By the clang libraries: C from memory to an object in memory, objects to code by ORC. Built as a shared object of its
// own (see shim.c), against any of LLVM 14 to 19.
#include <clang/Basic/Diagnostic.h>
#include <clang/Basic/Version.h>
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Frontend/Utils.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/VirtualFileSystem.h>
#include <mutex>
#include <sstream>
#if LLVM_VERSION_MAJOR >= 16
#include <llvm/TargetParser/Host.h>
#else
#include <llvm/Support/Host.h>
#endif

extern "C" {
#include "codegen/jit/way.h"
}

namespace {

// The two headers that generated C includes, so that no installed ones are needed.
const char FOLDER[] = "/gradc", STDDEF[] =
  "#pragma once\n#define NULL ((void *)0)\n#define offsetof(t, m) __builtin_offsetof(t, m)\n"
  "typedef __SIZE_TYPE__ size_t;\ntypedef __PTRDIFF_TYPE__ ptrdiff_t;\n";
const char STDINT[] =
  "#pragma once\n"
  "typedef __INT8_TYPE__ int8_t;\ntypedef __INT16_TYPE__ int16_t;\ntypedef __INT32_TYPE__ int32_t;\n"
  "typedef __INT64_TYPE__ int64_t;\ntypedef __UINT8_TYPE__ uint8_t;\ntypedef __UINT16_TYPE__ uint16_t;\n"
  "typedef __UINT32_TYPE__ uint32_t;\ntypedef __UINT64_TYPE__ uint64_t;\n"
  "typedef __INTPTR_TYPE__ intptr_t;\ntypedef __UINTPTR_TYPE__ uintptr_t;\n";

void init_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
}

bool fail(JitError *error, JitFault fault, const std::string &why) {
  *error = {fault, strdup(why.c_str())};
  return false;
}

JitBlob blob_of(llvm::StringRef s) {
  JitBlob b = {static_cast<char *>(malloc(s.size() + 1)), s.size()};
  if (b.p) memcpy(b.p, s.data(), s.size());
  return b;
}

// The driver's words. At -O1 generated code, whose vectors and tiles are written out, runs as fast as at -O3 and takes a
// third of the time to compile.
std::vector<const char *> words_of(const JitJob *job, const JitUnit &u) {
  std::vector<const char *> w = {"clang", "-O1", "-fPIC", "-fno-asynchronous-unwind-tables", "-nostdinc", "-isystem",
                                 FOLDER};
#ifdef GRADC_RESOURCE // has <arm_neon.h>
  w.insert(w.end(), {"-isystem", GRADC_RESOURCE "/include"});
#endif
  w.insert(w.end(), job->flags, job->flags + job->nflags);
  w.insert(w.end(), u.flags, u.flags + u.nflags);
  w.insert(w.end(), {"-c", "-x", "c", "unit.c"});
  return w;
}

using Diagnostics = llvm::IntrusiveRefCntPtr<clang::DiagnosticsEngine>;

std::shared_ptr<clang::CompilerInvocation> invocation(const std::vector<const char *> &words, Diagnostics diags,
                                                      llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> files) {
#if LLVM_VERSION_MAJOR >= 15
  clang::CreateInvocationOptions o;
  o.Diags = diags;
  o.VFS = files;
  return clang::createInvocation(words, o);
#else
  return clang::createInvocationFromCommandLine(words, diags, files);
#endif
}

bool compile(const JitJob *job, int unit, JitBlob *out, JitError *error) {
  const JitUnit &u = job->unit[unit];
  std::string said;
  llvm::raw_string_ostream log(said);
  auto *options = new clang::DiagnosticOptions;
  auto *printer = new clang::TextDiagnosticPrinter(log, options);
  Diagnostics diags = clang::CompilerInstance::createDiagnostics(options, printer, true);
  llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> memory(new llvm::vfs::InMemoryFileSystem);
  llvm::IntrusiveRefCntPtr<llvm::vfs::OverlayFileSystem> files(
    new llvm::vfs::OverlayFileSystem(llvm::vfs::getRealFileSystem()));
  memory->addFile(std::string(FOLDER) + "/stddef.h", 0, llvm::MemoryBuffer::getMemBuffer(STDDEF));
  memory->addFile(std::string(FOLDER) + "/stdint.h", 0, llvm::MemoryBuffer::getMemBuffer(STDINT));
  files->pushOverlay(memory);
  init_targets();

  auto how = invocation(words_of(job, u), diags, files);
  if (!how || diags->hasErrorOccurred()) return fail(error, JIT_REFUSED, log.str());
  auto text = llvm::MemoryBuffer::getMemBuffer(llvm::StringRef(u.text, u.n), "unit.c", false);
  how->getFrontendOpts().Inputs = {clang::FrontendInputFile(text->getMemBufferRef(), clang::Language::C)};
  how->getFrontendOpts().DisableFree = how->getCodeGenOpts().DisableFree = false;
  clang::CompilerInstance clang;
  clang.setInvocation(how);
  clang.setDiagnostics(diags.get());
  clang.createFileManager(files);
  llvm::SmallVector<char, 0> object;
  clang.setOutputStream(std::make_unique<llvm::raw_svector_ostream>(object));
  llvm::LLVMContext context;
  clang::EmitObjAction action(&context);
  if (!clang.ExecuteAction(action)) return fail(error, JIT_REFUSED, log.str());
  *out = blob_of({object.data(), object.size()});
  return out->p || fail(error, JIT_MEMORY, "");
}

char *identity(const JitJob *) {
  std::string s = clang::getClangFullVersion() + " " + llvm::sys::getProcessTriple() + " " + llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> features;
#if LLVM_VERSION_MAJOR >= 19
  features = llvm::sys::getHostCPUFeatures();
#else
  llvm::sys::getHostCPUFeatures(features);
#endif
  std::vector<std::string> on;
  for (auto &f : features)
    if (f.second) on.push_back(f.first().str());
  std::sort(on.begin(), on.end());
  for (auto &f : on) s += " " + f;
  return strdup(s.c_str());
}

std::unique_ptr<llvm::MemoryBuffer> copy_of(const void *p, size_t n, const char *name) {
  return llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(static_cast<const char *>(p), n), name);
}

llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> link(const JitJob *job, const JitBlob *blob, int n) {
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) return jit.takeError();
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!process) return process.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*process)); // memset and memcpy
  for (int i = 0; i < n; i++)
    if (auto e = (*jit)->addObjectFile(copy_of(blob[i].p, blob[i].n, "unit"))) return e;
  for (int i = 0; i < job->nobject; i++)
    if (auto e = (*jit)->addObjectFile(copy_of(job->object[i].p, job->object[i].n, "object"))) return e;
  return jit;
}

void *load(const JitJob *job, const JitBlob *blob, int n, JitError *error) {
  init_targets();
  auto jit = link(job, blob, n);
  if (jit) return jit->release();
  fail(error, JIT_SYSTEM, llvm::toString(jit.takeError()));
  return nullptr;
}

const void *symbol(void *code, const char *name) {
  auto at = static_cast<llvm::orc::LLJIT *>(code)->lookup(name);
  if (!at) {
    llvm::consumeError(at.takeError());
    return nullptr;
  }
#if LLVM_VERSION_MAJOR >= 17
  return at->toPtr<const void *>();
#elif LLVM_VERSION_MAJOR >= 15
  return reinterpret_cast<const void *>(at->getValue());
#else
  return reinterpret_cast<const void *>(at->getAddress());
#endif
}

void drop(void *code) { delete static_cast<llvm::orc::LLJIT *>(code); }

} // namespace

extern "C" const JitWay gradc_jit_way;
const JitWay gradc_jit_way = {"clang " CLANG_VERSION_STRING " (ORC LLJIT)", false, identity, compile, load, symbol, drop};
