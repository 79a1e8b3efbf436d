"""What a visitor uploaded: left alone, Streamlit holds it in memory until their session ends."""

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile


def let_go(file: UploadedFile) -> None:
    """Forget one file."""
    manager, session = _held()
    if manager is not None:
        manager.remove_file(session_id=session, file_id=file.file_id)


def let_go_of_all() -> None:
    """Forget every file of this visit, those that were chosen and never checked, too."""
    manager, session = _held()
    if manager is not None:
        manager.remove_session_files(session)


def _held() -> tuple[MemoryUploadedFileManager | None, str]:
    """Where uploads lie, and the name of this visit."""
    context = get_script_run_ctx()
    if context is None or not isinstance(manager := context.uploaded_file_mgr, MemoryUploadedFileManager):
        return None, ""
    return manager, context.session_id
