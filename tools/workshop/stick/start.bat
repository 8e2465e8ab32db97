@echo off
rem Open the notebooks on Windows: double-click this file.
cd /d "%~dp0"
.venv\Scripts\python -m jupyterlab --notebook-dir=notebooks
pause
