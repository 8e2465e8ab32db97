@echo off
rem Install the course on Windows: double-click this file.
cd /d "%~dp0"
where /q py
if errorlevel 1 (python install.py) else (py -3 install.py)
pause
