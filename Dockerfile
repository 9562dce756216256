# Kelvin in a container.
#
# On the CPU:
#   docker build -t kelvin .
#   docker run --rm --init -p 8501:8501 -v kelvin-cache:/cache kelvin
#
# On an NVIDIA GPU (the host needs the NVIDIA container toolkit):
#   docker build -t kelvin:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
#   docker run --rm --init --gpus all -p 8501:8501 -v kelvin-cache:/cache kelvin:cuda
#
# Then open http://localhost:8501. The volume keeps downloaded datasets; folders of your own go in with `-v /my/data:/data:ro -e KELVIN_DATA=/data`.

FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    KELVIN_CACHE=/cache

RUN useradd --create-home --uid 1000 kelvin \
    && install --directory --owner=kelvin --group=kelvin /cache

WORKDIR /kelvin

# Torch first and alone: its index decides between CPU and CUDA, and the layer outlives every change of the code.
COPY requirements.txt ./
RUN pip install --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)" \
    && pip install --requirement requirements.txt

COPY LICENSE ./
COPY .streamlit .streamlit
COPY assets assets
COPY engine engine
COPY app app

# Loops compiled for this kind of processor; on another one the first race compiles them again.
RUN python -m engine.combinatorial.kernels

USER kelvin
VOLUME /cache
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

CMD ["streamlit", "run", "app/server.py", "--server.port=8501", "--server.address=0.0.0.0", "--server.headless=true"]
